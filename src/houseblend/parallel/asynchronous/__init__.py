"""Methods without rounds of blending: workers push to a server, and take from it, whenever they are ready."""
