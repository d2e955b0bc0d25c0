#!/usr/bin/env bash
# Connected digits, from recordings to word error rate: a monophone GMM-HMM, then a DNN trained by natural-gradient
# SGD on 4 workers whose models are averaged between rounds. Everything is written below --work (default: work/).
# Run it again at any time: finished stages say "up to date". `recipes/digits/run.sh --help` lists options and stages.
source "$(dirname "$0")/../stages.sh"

conf=$recipe/conf
digits=$root/local/digits
tests="test_spk test_spk_noise10 test_unseen test_unseen_noise10"

stage data "$digits/prepare_data" ${corpus:+--corpus="$corpus"} corpus

stage lang prepare_lang --oov='<SIL>' "$digits/dict" lang
stage lang format_lm lang corpus/lm.arpa lang_test

for set in train_noisy dev_both $tests; do
    stage features make_mfcc --config="$root/conf/mfcc.conf" "corpus/$set" "data/$set"
done

stage mono train_mono --config="$conf/mono.conf" data/train_noisy lang exp/mono
stage mono make_graph lang_test exp/mono exp/graph

stage mono_decode decode data/dev_both exp/graph exp/mono exp/mono_dev_both
stage mono_decode score data/dev_both exp/graph exp/mono_dev_both exp/mono_dev_both_score
for set in $tests; do
    stage mono_decode decode "data/$set" exp/graph exp/mono "exp/mono_$set"
    stage mono_decode score --chosen-on=exp/mono_dev_both_score "data/$set" exp/graph "exp/mono_$set" "exp/mono_${set}_score"
done

stage align align --max-skipped=20 data/train_noisy lang exp/mono exp/mono_ali
stage frames make_frames --max-skipped=20 data/train_noisy exp/mono_ali exp/frames
stage dnn train_dnn --config="$conf/dnn.conf" exp/frames exp/dnn

stage dnn_decode decode data/dev_both exp/graph exp/dnn exp/dnn_dev_both
stage dnn_decode score data/dev_both exp/graph exp/dnn_dev_both exp/dnn_dev_both_score
for set in $tests; do
    stage dnn_decode decode "data/$set" exp/graph exp/dnn "exp/dnn_$set"
    stage dnn_decode score --chosen-on=exp/dnn_dev_both_score "data/$set" exp/graph "exp/dnn_$set" "exp/dnn_${set}_score"
done

stage result tail -n +1 exp/*_score/best_wer
