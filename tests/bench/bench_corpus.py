"""The generated telephone corpus beside the floor: espeak alone, speaking the same words in the same voices.

python tests/bench/bench_corpus.py [--quick]
"""

from timing import pin

pin()

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "local/minitalk"))

from calls import Call, Studio, calls_of
from dictionary import make_lexicon, partial_words
from espeak import Library, Voice, in_child
from grammar import Grammar


def processor() -> float:
    """Seconds of the processor so far, of children that have ended too."""
    return sum(os.times()[:4])


def main(quick: bool) -> None:
    """Make calls, then speak their words again and nothing else."""
    library, grammar = Library(), Grammar()
    lexicon = in_child(lambda: make_lexicon(library, grammar))
    studio = Studio(library, grammar, lexicon, partial_words(lexicon), 1, "phone")
    calls: list[Call] = [call for call in calls_of(1) if call.partition == "train"][: 1 if quick else 40]
    start = processor()
    recordings = [studio.record(call) for call in calls]
    ours = processor() - start
    speech = sum(one.end - one.start for recording in recordings for one in recording.said)
    start = processor()
    for recording in recordings:
        for side, caller in enumerate(recording.callers):
            with Voice(library, caller.voice) as voice:
                for one in (one for one in recording.said if one.segment.side == side):
                    for piece in (piece for piece in one.segment.pieces if piece.words):
                        voice.say(list(piece.words))
    floor = processor() - start
    print(
        f"corpus: {speech / ours:.0f} hours of transcribed speech in an hour of a core ({ours:.2f} s for {speech:.0f} s)"
    )
    print(f"floor: {speech / floor:.0f}, espeak alone; ours takes {ours / floor:.2f} times as long")


if __name__ == "__main__":
    main("--quick" in sys.argv)
