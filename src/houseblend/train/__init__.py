"""The inner loop of one worker, objectives, diagnostics."""
