#!/usr/bin/env bash
# Connected digits, from recordings to word error rate: a monophone GMM-HMM, then a DNN trained by natural-gradient
# SGD on 4 workers whose models are averaged between rounds. Everything is written below --work (default: work/).
# Run it again at any time: finished stages say "up to date". `recipes/digits/run.sh --help` lists options and stages.
source "$(dirname "$0")/../stages.sh"

conf=$recipe/conf
local=$root/local/digits
tests="dev dev_noise10 test_spk test_spk_noise10 test_unseen test_unseen_noise10"

stage data "$local/prepare_data" ${corpus:+--corpus "$corpus"} corpus

stage lang prepare_lang "$local/dict" lang --oov='<SIL>'
stage lang format_lm lang corpus/lm.arpa lang_test

for set in train $tests; do
    stage features make_mfcc --config="$root/conf/mfcc.conf" "corpus/$set" "data/${set}_mfcc"
done

stage mono train_mono --config="$conf/mono.conf" data/train_mfcc lang exp/mono
stage mono make_graph lang_test exp/mono exp/mono/graph
for set in $tests; do
    stage mono_decode decode "data/${set}_mfcc" graph/mono exp/mono "exp/mono_decode_$set"
done

stage align align data/train_mfcc lang exp/mono exp/mono_ali
stage frames make_frames data/train_mfcc exp/mono_ali frames
stage dnn train_dnn --config="$conf/dnn.conf" frames exp/mono_ali exp/dnn
