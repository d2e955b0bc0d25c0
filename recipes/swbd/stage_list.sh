# The stages of recipes/swbd and recipes/minitalk: sourced by their run.sh. What differs between them stands in conf/.
conf=$recipe/conf
swbd=$root/local/swbd
fisher=$corpus/LDC2004T19
[ -d "$fisher" ] || fisher=

stage data "$swbd/prepare_dict" "$corpus/LDC97S62/swb_ms98_transcriptions/sw-ms98-dict.text" dict
stage data "$swbd/prepare_data" --config="$conf/data.conf" "$corpus/LDC97S62" dict raw/swbd
stage data "$swbd/prepare_eval2000" --config="$conf/eval2000.conf" "$corpus/LDC2002S09" "$corpus/LDC2002T43" raw/eval2000

for set in swbd/train swbd/dev eval2000; do
    stage features make_mfcc --config="$root/conf/mfcc.conf" "raw/$set" "data/${set##*/}"
done
stage features "$swbd/choose_subsets" --config="$conf/subsets.conf" data/train data/subsets

stage lang prepare_lang --oov='<unk>' dict lang

stage lm "$swbd/prepare_lm_text" ${fisher:+--fisher="$fisher"} raw/swbd dict lm_text
stage lm train_lm --config="$conf/lm.conf" --vocabulary=lm_text/words --background=lm_text/fisher lm_text/train lm_text/heldout lm
stage lm format_lm lang lm/lm.arpa lang_test

stage mono train_mono --config="$conf/mono.conf" data/subsets/mono lang exp/mono
stage mono make_graph lang_test exp/mono exp/graph

stage mono_decode decode --config="$conf/decode.conf" data/dev exp/graph exp/mono exp/mono_dev
stage mono_decode score data/dev exp/graph exp/mono_dev exp/mono_dev_score
stage mono_decode decode --config="$conf/decode.conf" data/eval2000 exp/graph exp/mono exp/mono_eval2000
stage mono_decode score_hub5 raw/eval2000 exp/graph exp/mono exp/mono_eval2000 exp/mono_dev_score exp/mono_eval2000_score

stage align align --config="$conf/align.conf" data/subsets/part lang exp/mono exp/mono_ali
stage frames make_frames --config="$conf/frames.conf" data/subsets/part exp/mono_ali exp/frames
stage dnn train_dnn --config="$conf/dnn.conf" exp/frames exp/dnn

stage dnn_decode decode --config="$conf/decode.conf" data/dev exp/graph exp/dnn exp/dnn_dev
stage dnn_decode score data/dev exp/graph exp/dnn_dev exp/dnn_dev_score
stage dnn_decode decode --config="$conf/decode.conf" data/eval2000 exp/graph exp/dnn exp/dnn_eval2000
stage dnn_decode score_hub5 raw/eval2000 exp/graph exp/dnn exp/dnn_eval2000 exp/dnn_dev_score exp/dnn_eval2000_score

stage result tail -n +1 exp/*_score/best_wer exp/*_eval2000_score/report
