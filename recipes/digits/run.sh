#!/usr/bin/env bash
# Connected digits, from recordings to word error rate: a monophone GMM-HMM, then a DNN trained by natural-gradient
# SGD on 4 workers whose models are averaged between rounds. Everything is written below --work (default: work/).
# Run it again at any time: finished stages say "up to date". `recipes/digits/run.sh --help` lists options and stages.
#
#   Results go below --work; times are of 2 cores, 3 minutes in all; 160 MB of disk.
source "$(dirname "$0")/../stages.sh"

conf=$recipe/conf
digits=$root/local/digits
tests="test_spk test_spk_noise10 test_unseen test_unseen_noise10"

#: data         recordings (downloaded without --corpus) as data directories, dictionary, grammar: corpus/; 5 s
stage data "$digits/prepare_data" ${corpus:+--corpus="$corpus"} corpus

#: lang         the dictionary and the grammar compiled: lang/, lang_test/; 2 s
stage lang prepare_lang --oov='<SIL>' "$digits/dict" lang
stage lang format_lm lang corpus/lm.arpa lang_test

#: features     MFCC of training, development and four test sets: data/; 7 s
# Of many alike the first runs alone: what it compiles the others find.
stage features make_mfcc --config="$root/conf/mfcc.conf" corpus/train_noisy data/train_noisy
stage_each features "dev_both $tests" make_mfcc --config="$root/conf/mfcc.conf" corpus/{} data/{}

#: mono         flat start of a monophone GMM-HMM, its decoding graph: exp/mono/, exp/graph/; 35 s
stage mono train_mono --config="$conf/mono.conf" data/train_noisy lang exp/mono
stage mono make_graph lang_test exp/mono exp/graph

#: mono_decode  lattices and word error rates of it: exp/mono_SET/, exp/mono_SET_score/; 15 s
stage mono_decode decode data/dev_both exp/graph exp/mono exp/mono_dev_both
stage mono_decode score data/dev_both exp/graph exp/mono_dev_both exp/mono_dev_both_score
stage_each mono_decode "$tests" decode data/{} exp/graph exp/mono exp/mono_{}
stage_each mono_decode "$tests" score --chosen-on=exp/mono_dev_both_score data/{} exp/graph exp/mono_{} exp/mono_{}_score

#: align        which frame is which state: exp/mono_ali/; 3 s
stage align align --max-skipped=20 data/train_noisy lang exp/mono exp/mono_ali
#: frames       features and states in random order, as training reads them: exp/frames/; 1 s
stage frames make_frames --max-skipped=20 data/train_noisy exp/mono_ali exp/frames
#: dbn          with --dbn yes: RBM upon RBM, with which the DNN begins: exp/dbn/; 60 s
if [ -n "$dbn$list_only" ]; then
    stage dbn pretrain_dbn --config="$conf/dbn.conf" exp/frames exp/dbn
fi
# eight times the rate that other networks have (recipes/minitalk/RESULTS.md)
sigmoid="--layer=sigmoid-layer --initial-effective-lrate=0.024 --final-effective-lrate=0.0024"
#: dnn          4 workers, natural gradient, models averaged between rounds: exp/dnn/; 60 s
stage dnn train_dnn --config="$conf/dnn.conf" ${dbn:+$sigmoid --init=exp/dbn} exp/frames exp/dnn

#: dnn_decode   lattices and word error rates of it: exp/dnn_SET/, exp/dnn_SET_score/; 25 s
stage_each dnn_decode "dev_both $tests" decode data/{} exp/graph exp/dnn exp/dnn_{}
stage dnn_decode score data/dev_both exp/graph exp/dnn_dev_both exp/dnn_dev_both_score
stage_each dnn_decode "$tests" score --chosen-on=exp/dnn_dev_both_score data/{} exp/graph exp/dnn_{} exp/dnn_{}_score

#: result       shows all word error rates: exp/*_score/best_wer; 1 s
stage result tail -n +1 exp/*_score/best_wer
