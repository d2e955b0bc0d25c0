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

# Of many alike the first runs alone: what it compiles the others find.
stage features make_mfcc --config="$root/conf/mfcc.conf" corpus/train_noisy data/train_noisy
stage_each features "dev_both $tests" make_mfcc --config="$root/conf/mfcc.conf" corpus/{} data/{}

stage mono train_mono --config="$conf/mono.conf" data/train_noisy lang exp/mono
stage mono make_graph lang_test exp/mono exp/graph

stage mono_decode decode data/dev_both exp/graph exp/mono exp/mono_dev_both
stage mono_decode score data/dev_both exp/graph exp/mono_dev_both exp/mono_dev_both_score
stage_each mono_decode "$tests" decode data/{} exp/graph exp/mono exp/mono_{}
stage_each mono_decode "$tests" score --chosen-on=exp/mono_dev_both_score data/{} exp/graph exp/mono_{} exp/mono_{}_score

stage align align --max-skipped=20 data/train_noisy lang exp/mono exp/mono_ali
stage frames make_frames --max-skipped=20 data/train_noisy exp/mono_ali exp/frames
stage dnn train_dnn --config="$conf/dnn.conf" exp/frames exp/dnn

stage_each dnn_decode "dev_both $tests" decode data/{} exp/graph exp/dnn exp/dnn_{}
stage dnn_decode score data/dev_both exp/graph exp/dnn_dev_both exp/dnn_dev_both_score
stage_each dnn_decode "$tests" score --chosen-on=exp/dnn_dev_both_score data/{} exp/graph exp/dnn_{} exp/dnn_{}_score

stage result tail -n +1 exp/*_score/best_wer
