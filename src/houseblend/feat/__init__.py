"""Feature extraction: MFCC, filterbanks, CMVN, deltas, splicing."""
