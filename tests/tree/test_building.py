"""Trees against exhaustive search over frames: splits, merged leaves, roots."""

import itertools

import numpy as np
import pytest
from random_stats import log_likelihood, random_frames, statistics

from houseblend.base.errors import InputError
from houseblend.hmm.tree import ContextDependency, Leaf
from houseblend.lang.phone_files import Root
from houseblend.tree.build import build_tree, root_map
from houseblend.tree.leaves import leaf_numbers, leaves_of, renumbered
from houseblend.tree.merging import merge_near, merge_to
from houseblend.tree.options import BuildOptions
from houseblend.tree.questions import KeyQuestions
from houseblend.tree.splitting import grow

PHONES = (1, 2, 3, 4)
EVERY_SET = tuple(
    phones for size in range(1, len(PHONES)) for phones in itertools.combinations(PHONES, size)
)  # any way to part the phones in two
QUESTIONS = {-1: KeyQuestions(((0,),)), **dict.fromkeys(range(3), KeyQuestions(EVERY_SET))}
seeds = pytest.mark.parametrize("seed", range(4))


def best_split(frames):
    """The most that parting events by the value of one key gains, over all keys and all ways to part the values."""
    whole, best = log_likelihood(list(frames.values())), 0.0
    for key in range(-1, 3):
        values = sorted({dict(event)[key] for event in frames})
        for size in range(1, len(values)):
            for yes in itertools.combinations(values, size):
                sides = ([x for e, x in frames.items() if (dict(e)[key] in yes) is side] for side in (True, False))
                best = max(best, sum(map(log_likelihood, sides)) - whole)
    return best


def of_leaves(root, stats, frames):
    """Leaf -> its events with their frames."""
    leaves = leaves_of(root, stats)
    return {
        int(leaf): {e: frames[e] for e, own in zip(stats.events, leaves, strict=True) if own == leaf}
        for leaf in set(leaves)
    }


def total_likelihood(root, stats, frames):
    return sum(log_likelihood(list(part.values())) for part in of_leaves(root, stats, frames).values())


@seeds
def test_each_split_is_the_best_of_all(seed):
    """Of all leaves and all ways to part them by one key, tried out one by one on the frames themselves."""
    frames = random_frames(np.random.default_rng(seed))
    stats = statistics(frames)
    rows, before = np.arange(len(stats)), total_likelihood(Leaf(0), stats, frames)
    wanted, root = 0.0, Leaf(0)
    for leaves in range(2, 7):
        wanted += max(best_split(part) for part in of_leaves(root, stats, frames).values())
        growth = grow(Leaf(0), 1, stats, rows, QUESTIONS, 0.0, leaves)
        root = growth.root
        assert growth.num_leaves == leaves == len(leaf_numbers(root))
        assert growth.gain == pytest.approx(wanted, rel=1e-5)
        assert total_likelihood(root, stats, frames) - before == pytest.approx(wanted, rel=1e-9)


@seeds
def test_splitting_ends_at_the_threshold(seed):
    frames = random_frames(np.random.default_rng(100 + seed))
    stats = statistics(frames)
    growth = grow(Leaf(0), 1, stats, np.arange(len(stats)), QUESTIONS, 60.0, 0)
    assert growth.smallest > 60.0
    assert all(best_split(part) < 60.01 for part in of_leaves(growth.root, stats, frames).values())


@seeds
def test_refined_questions_part_phones_no_worse(seed):
    """From single phones as questions, values that go over to the other side reach at least as much."""
    frames = random_frames(np.random.default_rng(200 + seed))
    stats, rows = statistics(frames), np.arange(40)[: len(frames)]
    singles = tuple((phone,) for phone in PHONES)
    gains = []
    for refinements in (0, 5):
        key = KeyQuestions(singles, refinements)
        growth = grow(Leaf(0), 1, stats, rows, {0: key, 1: key, 2: key}, 0.0, 2)
        after = total_likelihood(growth.root, stats, frames) - total_likelihood(Leaf(0), stats, frames)
        assert growth.gain == pytest.approx(after, rel=1e-4)
        gains.append(growth.gain)
    assert gains[0] <= gains[1] * 1.000001
    assert gains[1] <= best_split(frames) * 1.000001


@seeds
def test_leaves_that_are_merged_are_the_nearest(seed):
    frames = random_frames(np.random.default_rng(300 + seed))
    stats = statistics(frames)
    stub = root_map([Root((1, 2)), Root((3, 4))], dict.fromkeys(PHONES, 2), 1)
    tree = grow(stub, 2, stats, np.arange(len(stats)), QUESTIONS, 0.0, 10).root
    root_of = dict(zip(leaves_of(tree, stats).tolist(), leaves_of(stub, stats).tolist(), strict=True))
    parts = {frozenset([leaf]): list(part.values()) for leaf, part in of_leaves(tree, stats, frames).items()}
    while len(parts) > 5:
        costs = {
            (a, b): log_likelihood(parts[a]) + log_likelihood(parts[b]) - log_likelihood(parts[a] + parts[b])
            for a, b in itertools.combinations(parts, 2)
            if root_of[min(a)] == root_of[min(b)]
        }
        a, b = min(costs, key=costs.__getitem__)
        parts[a | b] = parts.pop(a) + parts.pop(b)
    merged = of_leaves(merge_to(tree, stub, stats, 5), stats, frames)
    before = leaves_of(tree, stats)
    found = {frozenset(int(before[stats.events.index(e)]) for e in part) for part in merged.values()}
    assert found == set(parts)


def test_merging_costs_no_more_than_the_threshold_and_stays_below_roots():
    frames = random_frames(np.random.default_rng(1))
    stats = statistics(frames)
    stub = root_map([Root((phone,)) for phone in PHONES], dict.fromkeys(PHONES, 2), 1)
    tree = grow(stub, 4, stats, np.arange(len(stats)), QUESTIONS, 0.0, 12).root
    assert merge_near(tree, stub, stats, 1e-6) == tree
    assert renumbered(merge_near(tree, stub, stats, np.inf)) != tree
    alone = of_leaves(merge_near(tree, stub, stats, np.inf), stats, frames)
    assert [{dict(event)[1] for event in part} for _, part in sorted(alone.items())] == [{1}, {2}, {3}, {4}]
    assert merge_to(tree, stub, stats, 3) == tree  # fewer than there are roots


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(
    "groups", [[(1,), (2,), (3,)], [(1, 3), (2,)], [(7,), (1, 2), (3, 4, 5), (6,)], [(900,), (1,)]]
)
def test_roots_lead_every_phone_to_leaves_of_its_own(shared, groups):
    classes = {phone: 2 if phone == 1 else 3 for group in groups for phone in group}
    roots = [Root(group, shared) for group in groups]
    tree = ContextDependency(3, 1, root_map(roots, classes, 1))
    number = 0
    for group in groups:
        wide = max(classes[phone] for phone in group)
        for phone in group:
            found = [tree.compute([0, phone, 0], pdf_class) for pdf_class in range(wide)]
            assert found == ([number] * wide if shared else list(range(number, number + wide)))
        number += 1 if shared else wide
    assert tree.num_pdfs == number


def test_leaves_are_a_multiple_of_eight_and_roots_that_may_not_be_split_are_not():
    noise = np.random.default_rng(11)
    frames = random_frames(noise, contexts=80)
    stats = statistics(frames)
    roots = [Root((1,), shared=False, split=False), *(Root((phone,)) for phone in PHONES[1:])]
    classes = dict.fromkeys(PHONES, 2)
    tree = build_tree(stats, roots, QUESTIONS, classes, 1, BuildOptions(0.0, 21, 1.0, True))
    assert leaf_numbers(tree) == set(range(16))
    whole = ContextDependency(3, 1, tree)
    assert [whole.possible_pdfs(1, pdf_class) for pdf_class in (0, 1)] == [[0], [1]]
    free = build_tree(stats, roots, QUESTIONS, classes, 1, BuildOptions(0.0, 21, 1.0, False))
    assert leaf_numbers(free) == set(range(21))
    with pytest.raises(InputError, match=r"phones \[4\] have statistics, but no root"):
        build_tree(stats, roots[:-1], QUESTIONS, classes, 1, BuildOptions())
    with pytest.raises(InputError, match="no leaf for"):
        leaves_of(root_map([Root((phone,)) for phone in (1, 2, 3)], classes, 1), stats)
