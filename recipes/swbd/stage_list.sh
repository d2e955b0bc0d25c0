# The stages of recipes/swbd and recipes/minitalk: sourced by their run.sh. What differs between them stands in conf/.
conf=$recipe/conf
source "$conf/rungs.sh"
swbd=$root/local/swbd
fisher=$corpus/LDC2004T19
[ -d "$fisher" ] || fisher=

# both_sets CONF MODEL GRAPH [DECODING]: lattices of the development and evaluation calls, MODEL_{dev,eval2000}, and word
# error rates, MODEL_{dev,eval2000}_score; with transforms of the speakers from DECODING_{dev,eval2000}
both_sets() {
    local model=$2 graph=$3 adapted=${4-}
    decode --config="$conf/$1" ${adapted:+--transforms="${adapted}_dev"} data/dev "$graph" "$model" "${model}_dev" &&
    score data/dev "$graph" "${model}_dev" "${model}_dev_score" &&
    decode --config="$conf/$1" ${adapted:+--transforms="${adapted}_eval2000"} data/eval2000 "$graph" "$model" "${model}_eval2000" &&
    score_hub5 raw/eval2000 "$graph" "$model" "${model}_eval2000" "${model}_dev_score" "${model}_eval2000_score"
}

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

#: mono         flat start of a monophone GMM-HMM on short utterances, its decoding graph: exp/mono/, exp/mono_graph/; 2 min
stage mono train_mono --config="$conf/mono.conf" data/subsets/mono lang exp/mono
stage mono make_graph lang_test exp/mono exp/mono_graph
#: mono_decode  lattices and word error rates of it: exp/mono_dev/, exp/mono_eval2000/, exp/*_score/; 1 min
stage mono_decode both_sets decode.conf exp/mono exp/mono_graph

#: tri1         triphones on features with deltas: exp/mono_ali/, exp/tri1/, exp/tri1_graph/; 2 min
stage tri1 align --config="$conf/align.conf" data/subsets/part lang exp/mono exp/mono_ali
stage tri1 train_deltas $tri1 data/subsets/part lang exp/mono_ali exp/tri1
stage tri1 make_graph lang_test exp/tri1 exp/tri1_graph
#: tri1_decode  lattices and word error rates of it: exp/tri1_dev/, exp/tri1_eval2000/, exp/*_score/; 1 min
stage tri1_decode both_sets decode.conf exp/tri1 exp/tri1_graph

#: tri2         on spliced frames after LDA and MLLT: exp/tri1_ali/, exp/tri2/, exp/tri2_graph/; 2 min
stage tri2 align --config="$conf/align.conf" data/subsets/nodup lang exp/tri1 exp/tri1_ali
stage tri2 train_lda_mllt $tri2 data/subsets/nodup lang exp/tri1_ali exp/tri2
stage tri2 make_graph lang_test exp/tri2 exp/tri2_graph
#: tri2_decode  lattices and word error rates of it: exp/tri2_dev/, exp/tri2_eval2000/, exp/*_score/; 1 min
stage tri2_decode both_sets decode.conf exp/tri2 exp/tri2_graph

#: prons        how words were pronounced, and with silence around which: exp/tri2_ali/, lang_prons/, lang_prons_test/; 20 s
stage prons align --config="$conf/align.conf" data/subsets/nodup lang exp/tri2 exp/tri2_ali
stage prons count_prons --config="$conf/align.conf" data/subsets/nodup lang exp/tri2_ali exp/prons
stage prons dict-dir-add-pronprobs dict exp/prons/{pron,sil,pron_bigram}_counts_nowb.txt dict_prons
stage prons prepare_lang --oov='<unk>' dict_prons lang_prons
stage prons format_lm lang_prons lm/lm.arpa lang_prons_test

#: tri3         adapted to speakers by fMLLR: exp/tri3/, exp/tri3_graph/; 2 min
stage tri3 train_sat $tri3 data/subsets/nodup lang_prons exp/tri2_ali exp/tri3
stage tri3 make_graph lang_prons_test exp/tri3 exp/tri3_graph
#: tri3_decode  lattices, word error rates and transforms of the speakers: exp/tri3_dev/, exp/tri3_eval2000/, exp/*_score/; 2 min
stage tri3_decode both_sets decode.conf exp/tri3 exp/tri3_graph

#: align        which frame is which state, and the transforms of the speakers: exp/tri3_ali/; 30 s
stage align align --config="$conf/align.conf" data/subsets/nodup lang_prons exp/tri3 exp/tri3_ali
#: frames       adapted features and states in random order, as training reads them: exp/frames/; 3 s
stage frames make_frames --config="$conf/frames.conf" --model-features=true data/subsets/nodup exp/tri3_ali exp/frames
#: dbn          with --dbn yes: RBM upon RBM, with which the DNN begins: exp/dbn/; 60 s
if [ -n "$dbn$list_only" ]; then
    stage dbn pretrain_dbn --config="$conf/dbn.conf" exp/frames exp/dbn
fi
# eight times the rate that other networks have (recipes/minitalk/RESULTS.md)
sigmoid="--layer=sigmoid-layer --initial-effective-lrate=0.024 --final-effective-lrate=0.0024"
#: dnn          4 workers, natural gradient, models averaged every 10 minibatches: exp/dnn/; 3 min
stage dnn train_dnn --config="$conf/dnn.conf" ${dbn:+$sigmoid --init=exp/dbn} exp/frames exp/dnn
#: dnn_decode   lattices and word error rates of it: exp/dnn_dev/, exp/dnn_eval2000/, exp/*_score/; 1 min
stage dnn_decode both_sets decode_dnn.conf exp/dnn exp/tri3_graph exp/tri3

#: result       shows all word error rates: exp/*_score/best_wer, exp/*_eval2000_score/report; 1 s
stage result tail -n +1 exp/*_score/best_wer exp/*_eval2000_score/report
