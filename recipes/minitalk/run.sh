#!/usr/bin/env bash
# minitalk: telephone talk that is made here, in the shape of Switchboard, then the stages of recipes/swbd: everything from
# nothing to word error rates, with no corpus and no download. Everything is written below --work (default: work/), the corpus
# below --corpus (default: in it). Run it again at any time: finished stages say "up to date".
#
#   --hours N          transcribed speech for training (default: conf/corpus.conf); a smaller corpus that is there grows
#
#   Results go below --work; times are of 2 hours and 2 cores, 18 minutes in all; 420 MB of disk.
own_option=--hours own_value=''
stage_list=../swbd/stage_list.sh
source "$(dirname "$0")/../stages.sh"

corpus=${corpus:-corpus}
#: corpus       makes 2 hours of telephone talk, and 1 of development and evaluation: corpus/; 15 s
stage corpus "$root/local/minitalk/make_corpus" --config="$recipe/conf/corpus.conf" ${own_value:+--hours="$own_value"} --out="$corpus"
source "$recipe/$stage_list"
#: truth        the alignments held against the times that were spoken: exp/tri3_truth/report; 3 s
stage truth "$root/local/minitalk/score_alignment" data/subsets/nodup lang_prons exp/tri3_ali "$corpus/truth" exp/tri3_truth
