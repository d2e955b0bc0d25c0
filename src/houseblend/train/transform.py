"""Statistics of a network's spliced input, from which its input transform is estimated (`gmm/lda`)."""

from houseblend.base.errors import InputError
from houseblend.gmm.lda import LdaStats
from houseblend.train.examples import read_minibatches

MINIBATCH = 4096


def gather_lda_stats(examples: str, context: tuple[int, int], num_classes: int) -> LdaStats:
    """Statistics of spliced frames, weighted by their targets.

    Args:
        examples: `frames:DIR[:SUBSET]` or a rspecifier.
        context: frames before and after.
        num_classes: number of pdfs.

    Raises:
        InputError: there are no examples, or more pdfs than classes.
    """
    stats = None
    for batch in read_minibatches(examples, context, MINIBATCH):
        rows = batch.x_NWD.numpy().reshape(len(batch.x_NWD), -1)[batch.rows.numpy()]
        pdfs = batch.pdfs.numpy()
        if pdfs.max() >= num_classes:
            raise InputError(f"target pdf {pdfs.max()}", file=examples, expected=f"0 to {num_classes - 1}")
        if stats is None:
            stats = LdaStats.zeros(num_classes, rows.shape[1])
        stats.add(rows, pdfs, batch.weights.numpy())
    if stats is None:
        raise InputError("no examples", file=examples)
    return stats
