"""subset-data-dir: a data directory with some utterances of another."""

from pathlib import Path

from houseblend.cli.program import argument, option, program


@program(example="subset-data-dir --first data/train 100 data/train_100")
@argument("words", nargs=-1, help="source directory, number of utterances (not with a list), directory to write")
@option("--first", type=bool, default=False, help="The first utterances")
@option("--last", type=bool, default=False, help="The last utterances")
@option("--shortest", type=bool, default=False, help="The shortest utterances")
@option("--per-spk", type=bool, default=False, help="That many utterances of every speaker")
@option("--speakers", type=bool, default=False, help="Random speakers until there are so many utterances")
@option("--spk-list", type=Path, help="File whose lines begin with the speakers to keep")
@option("--utt-list", type=Path, help="File whose lines begin with the utterances to keep")
def main(
    words: tuple[str, ...], first: bool, last: bool, shortest: bool, per_spk: bool, speakers: bool,
    spk_list: Path | None, utt_list: Path | None,
) -> None:  # fmt: skip
    """Choose utterances, from all over the list unless an option says otherwise."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.io import data_subsets
    from houseblend.io.data_files import read_ids

    listed = spk_list is not None or utt_list is not None
    if first + last + shortest + per_spk + speakers + (spk_list is not None) + (utt_list is not None) > 1:
        raise UsageError("options that exclude each other", expected="one way to choose utterances")
    if len(words) != (2 if listed else 3):
        raise UsageError(f"{len(words)} arguments", expected="SOURCE TARGET with a list, else SOURCE NUMBER TARGET")
    data = data_subsets.open_data_dir(Path(words[0]))
    utterances = list(data.files["utt2spk"])
    if spk_list is not None:
        kept = read_ids(spk_list)
        chosen = [utterance for utterance in utterances if data.speaker(utterance) in kept]
    elif utt_list is not None:
        kept = read_ids(utt_list)
        chosen = [utterance for utterance in utterances if utterance in kept]
    else:
        if not words[1].isdigit() or not 1 <= int(words[1]) <= len(utterances):
            raise UsageError(f"number of utterances {words[1]}", expected=f"1 to {len(utterances)}")
        number = int(words[1])
        if first or last:
            chosen = utterances[:number] if first else utterances[-number:]
        elif shortest:
            chosen = data_subsets.shortest(data, number)
        elif per_spk:
            chosen = data_subsets.per_speaker(data, number)
        elif speakers:
            chosen = data_subsets.random_speakers(data, number)
        else:
            chosen = data_subsets.spread(utterances, number)
    data_subsets.write_subset(data, chosen, Path(words[-1]))
    log(f"{len(chosen)} of {len(utterances)} utterances")
