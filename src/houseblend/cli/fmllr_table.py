"""What gmm-est-fmllr and gmm-est-fmllr-gpost share: statistics by speaker or utterance, and a table of transforms."""

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from houseblend.base.log import log
from houseblend.cli.program import Skips
from houseblend.gmm.diag import AmDiagGmm
from houseblend.gmm.fmllr import FmllrStats
from houseblend.gmm.fmllr_options import FmllrOptions
from houseblend.gmm.gaussian_posteriors import GaussianPosteriors
from houseblend.io.tables import Writer, read_by_key

Utterance = tuple[str, np.ndarray, GaussianPosteriors]
"""Key, features [T, D], and posteriors by the Gaussians of the model."""


def write_transforms(
    write: Writer, mixtures: AmDiagGmm, utterances: Iterable[Utterance], spk2utt: str, options: FmllrOptions,
    skips: Skips,
) -> None:  # fmt: skip
    """Estimate a transform for every speaker, in the order of spk2utt, or for every utterance.

    Args:
        write: writes one to a table.
        mixtures: the model that the features are to fit.
        utterances: in any order; memory is least where speakers come in the order of spk2utt.
        spk2utt: rspecifier; empty for a transform an utterance.
        options: what is estimated.
        skips: counts utterances.
    """
    done = _by_speaker(mixtures, utterances, spk2utt, skips) if spk2utt else _by_utterance(mixtures, utterances, skips)
    gains, frames = 0.0, 0.0
    for owner, stats in done:
        transform, gain = stats.estimate(options, owner)
        write(owner, transform)
        log(f"[{owner}] improvement per frame {gain / max(stats.rows.count, 1.0):.5g} over {stats.rows.count:g} frames")
        gains, frames = gains + gain, frames + stats.rows.count
    log(f"improvement per frame {gains / max(frames, 1.0):.5g} over {frames:g} frames in all")


def _by_utterance(
    mixtures: AmDiagGmm, utterances: Iterable[Utterance], skips: Skips
) -> Iterator[tuple[str, FmllrStats]]:
    for key, feats_TD, posteriors in utterances:
        stats = FmllrStats(mixtures.dim)
        stats.add(posteriors, mixtures, feats_TD, key)
        skips.done(key)
        yield key, stats


def _by_speaker(
    mixtures: AmDiagGmm, utterances: Iterable[Utterance], spk2utt: str, skips: Skips
) -> Iterator[tuple[str, FmllrStats]]:
    """A speaker's statistics come once all utterances of it, and of the speakers before, have been seen."""
    speakers = read_by_key(spk2utt, "tokens")
    speaker_of = {key: speaker for speaker, keys in speakers.items() for key in keys}
    unseen = {speaker: len(keys) for speaker, keys in speakers.items()}
    stats: dict[str, FmllrStats] = {}
    waiting = deque(speakers)
    for key, feats_TD, posteriors in utterances:
        speaker = speaker_of.get(key)
        if speaker is None:
            skips.skip(key, f"no speaker in {spk2utt}")
            continue
        if speaker not in stats:
            stats[speaker] = FmllrStats(mixtures.dim)
        stats[speaker].add(posteriors, mixtures, feats_TD, key)
        skips.done(key)
        unseen[speaker] -= 1
        while waiting and not unseen[waiting[0]]:
            yield waiting[0], stats.pop(waiting[0], FmllrStats(mixtures.dim))
            waiting.popleft()
    for speaker in waiting:
        yield speaker, stats.pop(speaker, FmllrStats(mixtures.dim))
