#!/usr/bin/env bash
# The small set-up of the fault tests: from recordings to a DNN in a few seconds of one core. The work directory
# holds `corpus/train` and `lang` already; $EXCHANGE is how the DNN's workers are run.
source "$(dirname "$0")/../../recipes/stages.sh"

stage features make_mfcc --jobs=2 --config="$root/conf/mfcc.conf" corpus/train data/train
stage mono train_mono --jobs=1 --num-iters=3 --max-iter-inc=2 --totgauss=80 data/train lang exp/mono
stage align align --jobs=1 --max-skipped=3 data/train lang exp/mono exp/ali
stage frames make_frames --max-skipped=3 --heldout-share=0.2 --combine-share=0.3 data/train exp/ali exp/frames
stage dnn train_dnn --config="$recipe/dnn.conf" --exchange="${EXCHANGE:-local}" --jobs=2 exp/frames exp/dnn
