"""The frame store, its order of data, and the gather that feeds training."""
