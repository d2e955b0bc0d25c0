#!/usr/bin/env bash
# Switchboard, from LDC's discs to word error rates on Hub5 2000: GMM-HMMs from monophones to speaker-adapted triphones, then a
# DNN on adapted features, trained by natural-gradient SGD on 4 workers whose models are averaged every 10 minibatches.
# --corpus names a directory with LDC97S62 (in it the Mississippi State transcripts, swb_ms98_transcriptions), LDC2002S09,
# LDC2002T43 and, if there, Fisher's transcripts LDC2004T19 (links will do). Run it again at any time: finished stages say
# "up to date". The stages stand in stage_list.sh.
#
#   Results go below --work; times are of minitalk's 2 hours and 2 cores, those of Switchboard grow with its hours;
#   13,000 MB of disk (12 kB a second of speech, as minitalk takes).
stage_list=stage_list.sh
source "$(dirname "$0")/../stages.sh"

[ -n "$corpus$list_only" ] || usage_error "say where LDC97S62, LDC2002S09 and LDC2002T43 are: --corpus=DIR"
source "$recipe/$stage_list"
