# The stages of recipes/swbd and recipes/minitalk: sourced by their run.sh. What differs between them stands in conf/.
conf=$recipe/conf
swbd=$root/local/swbd
fisher=$corpus/LDC2004T19
[ -d "$fisher" ] || fisher=

#: data         the corpus as Kaldi data directories, the dictionary: raw/, dict/; 1 s
stage data "$swbd/prepare_dict" "$corpus/LDC97S62/swb_ms98_transcriptions/sw-ms98-dict.text" dict
stage data "$swbd/prepare_data" --config="$conf/data.conf" "$corpus/LDC97S62" dict raw/swbd
stage data "$swbd/prepare_eval2000" --config="$conf/eval2000.conf" "$corpus/LDC2002S09" "$corpus/LDC2002T43" raw/eval2000

#: features     MFCC; subsets for the monophones and the DNN: data/; 15 s
for set in swbd/train swbd/dev eval2000; do
    stage features make_mfcc --config="$root/conf/mfcc.conf" "raw/$set" "data/${set##*/}"
done
stage features "$swbd/choose_subsets" --config="$conf/subsets.conf" data/train data/subsets

#: lang         the dictionary compiled: lang/; 1 s
stage lang prepare_lang --oov='<unk>' dict lang

#: lm           trigram of the transcripts (and Fisher's), compiled: lm/, lang_test/; 4 s
stage lm "$swbd/prepare_lm_text" ${fisher:+--fisher="$fisher"} raw/swbd dict lm_text
stage lm train_lm --config="$conf/lm.conf" --vocabulary=lm_text/words --background=lm_text/fisher lm_text/train lm_text/heldout lm
stage lm format_lm lang lm/lm.arpa lang_test

#: mono         flat start of a monophone GMM-HMM on short utterances, its decoding graph: exp/mono/, exp/graph/; 2 min
stage mono train_mono --config="$conf/mono.conf" data/subsets/mono lang exp/mono
stage mono make_graph lang_test exp/mono exp/graph

#: mono_decode  lattices and word error rates of it: exp/mono_dev/, exp/mono_eval2000/, exp/*_score/; 1 min
stage mono_decode decode --config="$conf/decode.conf" data/dev exp/graph exp/mono exp/mono_dev
stage mono_decode score data/dev exp/graph exp/mono_dev exp/mono_dev_score
stage mono_decode decode --config="$conf/decode.conf" data/eval2000 exp/graph exp/mono exp/mono_eval2000
stage mono_decode score_hub5 raw/eval2000 exp/graph exp/mono exp/mono_eval2000 exp/mono_dev_score exp/mono_eval2000_score

#: align        which frame is which state: exp/mono_ali/; 10 s
stage align align --config="$conf/align.conf" data/subsets/part lang exp/mono exp/mono_ali
#: frames       features and states in random order, as training reads them: exp/frames/; 1 s
stage frames make_frames --config="$conf/frames.conf" data/subsets/part exp/mono_ali exp/frames
#: dbn          with --dbn yes: RBM upon RBM, with which the DNN begins: exp/dbn/; 60 s
if [ -n "$dbn$list_only" ]; then
    stage dbn pretrain_dbn --config="$conf/dbn.conf" exp/frames exp/dbn
fi
# eight times the rate that other networks have (recipes/minitalk/RESULTS.md)
sigmoid="--layer=sigmoid-layer --initial-effective-lrate=0.024 --final-effective-lrate=0.0024"
#: dnn          4 workers, natural gradient, models averaged between rounds: exp/dnn/; 95 s
stage dnn train_dnn --config="$conf/dnn.conf" ${dbn:+$sigmoid --init=exp/dbn} exp/frames exp/dnn

#: dnn_decode   lattices and word error rates of it: exp/dnn_dev/, exp/dnn_eval2000/, exp/*_score/; 1 min
stage dnn_decode decode --config="$conf/decode.conf" data/dev exp/graph exp/dnn exp/dnn_dev
stage dnn_decode score data/dev exp/graph exp/dnn_dev exp/dnn_dev_score
stage dnn_decode decode --config="$conf/decode.conf" data/eval2000 exp/graph exp/dnn exp/dnn_eval2000
stage dnn_decode score_hub5 raw/eval2000 exp/graph exp/dnn exp/dnn_eval2000 exp/dnn_dev_score exp/dnn_eval2000_score

#: result       shows all word error rates: exp/*_score/best_wer, exp/*_eval2000_score/report; 1 s
stage result tail -n +1 exp/*_score/best_wer exp/*_eval2000_score/report
