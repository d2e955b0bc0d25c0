"""Trees, topologies and transition models: Kaldi's files, and what they say."""

import io
import random
import tracemalloc

import numpy as np
import pytest
from golden_hmm import GOLDEN, LANG, both_models, load

from houseblend.base.errors import InputError
from houseblend.hmm.options import TransitionOptions
from houseblend.hmm.topology import HmmTopology
from houseblend.hmm.transition_model import TransitionModel
from houseblend.hmm.tree import ContextDependency, Leaf, Split, Table
from houseblend.io.objects import KaldiInput, KaldiOutput, open_input
from houseblend.io.streams import in_memory


def written(value, binary):
    buffer = io.BytesIO()
    value.write(KaldiOutput(buffer, binary))
    return buffer.getvalue()


@both_models
def test_trees_keep_kaldis_bytes(name):
    tree = load(name)[0]
    assert written(tree, True) == (GOLDEN / name / "tree").read_bytes()
    assert written(tree, False) == (GOLDEN / name / "tree.txt").read_bytes()
    assert ContextDependency.load(GOLDEN / name / "tree.txt") == tree


@both_models
def test_transition_models_keep_kaldis_bytes(name):
    model = load(name)[1]
    assert written(model, True) == (GOLDEN / name / "transitions.mdl").read_bytes()
    assert written(model, False) == (GOLDEN / name / "transitions.mdl.txt").read_bytes()
    again = TransitionModel.load(GOLDEN / name / "transitions.mdl.txt")
    assert again.states == model.states
    np.testing.assert_allclose(again.log_probs, model.log_probs, atol=1e-6)


def test_topology_text_survives():
    with open_input(LANG / "topo") as source:
        topology = HmmTopology.read(source)
    assert topology == load("mono")[1].topology
    for binary in (True, False):
        assert HmmTopology.read(KaldiInput(in_memory(written(topology, binary)))) == topology


def test_monophone_tree_is_that_of_gmm_init_mono():
    topology = load("mono")[1].topology
    sets = [[int(word) for word in line.split()] for line in (LANG / "phones" / "sets.int").read_text().splitlines()]
    classes = {phone: topology.num_pdf_classes(phone) for phone in topology.phones}
    tree = ContextDependency.monophone(sets, classes)
    assert tree == load("mono")[0]
    assert TransitionModel.initial(topology, tree).states == load("mono")[1].states


def test_shared_phones_share_pdfs():
    tree = ContextDependency.monophone([[1, 3], [2]], {1: 5, 2: 3, 3: 5})
    assert [tree.compute([3], number) for number in range(5)] == [0, 1, 2, 3, 4]
    assert [tree.compute([phone], 0) for phone in (1, 2, 3)] == [0, 5, 0]
    assert tree.num_pdfs == 8


def test_initial_model_of_tri1_has_all_its_states():
    tree, model = load("tri1")
    assert TransitionModel.initial(model.topology, tree).states == model.states


@pytest.mark.parametrize("seed", range(5))
def test_random_trees_survive_and_their_possible_pdfs_are_those_of_all_contexts(seed):
    rng, pdfs = random.Random(seed), []

    def node(depth):
        if depth == 0 or rng.random() < 0.2:
            pdfs.append(rng.randint(0, max(pdfs, default=-1) + 1))  # a pdf of another leaf, or the next
            return Leaf(pdfs[-1])
        if rng.random() < 0.3:
            return Table(rng.choice([-1, 0, 1, 2]), tuple(node(depth - 1) for _ in range(5)))
        members = frozenset(rng.sample(range(5), 2))
        return Split(rng.choice([-1, 0, 1, 2]), members, node(depth - 1), node(depth - 1))

    tree = ContextDependency(3, 1, node(5))
    for binary in (True, False):
        assert ContextDependency.read(KaldiInput(in_memory(written(tree, binary)))) == tree
    reached = {tree.compute([left, 2, right], 1) for left in range(5) for right in range(5)}
    assert reached <= set(tree.possible_pdfs(2, 1))


def test_transition_update_is_kaldis():
    model = load("mono")[1]
    counts = np.array([float(x) for x in (GOLDEN / "transition_counts.txt").read_text().split()[1:-1]])
    improvement, total = model.update(counts, TransitionOptions())
    expected = TransitionModel.load(GOLDEN / "updated.mdl.txt")
    np.testing.assert_allclose(model.log_probs, expected.log_probs, atol=1e-5)
    assert total == counts.sum() == 3442
    assert improvement > 0


def test_update_leaves_states_with_few_counts():
    model = load("mono")[1]
    before = model.log_probs.copy()
    counts = np.zeros(model.num_ids + 1)
    counts[model.first_id[7]] = 4.9
    model.update(counts, TransitionOptions())
    assert (model.log_probs == before).all()


def test_transition_probabilities_sum_to_one():
    model = load("tri1")[1]
    model.update(np.random.default_rng(3).gamma(0.5, 20.0, model.num_ids + 1), TransitionOptions())
    for number in range(1, len(model.states) + 1):
        total = np.exp(model.log_probs[model.first_id[number] : model.first_id[number + 1]]).sum()
        assert total == pytest.approx(1.0, abs=0.05)
    loops = np.exp(model.log_probs[model.self_loop_of[1:]].astype(float))
    np.testing.assert_allclose(np.exp(model.non_self_loop_log_probs[1:]), 1 - loops, atol=1e-5)


@pytest.mark.parametrize("name", ["tree", "transitions.mdl"])
def test_truncated_files_are_refused(name, tmp_path):
    data = (GOLDEN / "tri1" / name).read_bytes()
    kind = ContextDependency if name == "tree" else TransitionModel
    for size in random.Random(4).sample(range(len(data) - 20), 20):
        (tmp_path / "cut").write_bytes(data[:size])
        with pytest.raises(InputError, match="cut"):
            kind.load(tmp_path / "cut")


def test_tree_of_another_model_is_refused():
    with pytest.raises(InputError, match="not in the transition model"):
        load("mono")[1].state_of(2, 0, 61)


def topology_text(phones, transitions):
    """A topology of one entry: from its first state to each of so many others, and from these to the end."""
    words = ["<Topology>\n<TopologyEntry>\n<ForPhones>", *map(str, phones), "</ForPhones>\n<State> 0 <PdfClass> 0"]
    words += [f"<Transition> {state} {1 / transitions:.9f}" for state in range(1, transitions + 1)]
    for state in range(1, transitions + 1):
        words.append(f"</State>\n<State> {state} <PdfClass> 1 <Transition> {transitions + 1} 1.0")
    return " ".join([*words, f"</State>\n<State> {transitions + 1} </State>\n</TopologyEntry>\n</Topology>\n"])


def model_text(topology, triples):
    lines = "\n".join(" ".join(map(str, triple)) for triple in triples)
    log_probs = "<LogProbs>\n [ 0 0 ]\n</LogProbs>\n</TransitionModel>\n"
    return f"<TransitionModel>\n{topology}<Triples> {len(triples)}\n{lines}\n</Triples>\n{log_probs}"


@pytest.mark.parametrize(
    ("phones", "transitions", "triples", "message"),
    [
        ([1], 1, [(1, 0, 2**31 - 1)], "lack a pdf"),
        ([1], 1, [(1, 0, 0), (1, 1, 10**7)], "lack a pdf"),
        ([1], 500, [(1, 0, pdf) for pdf in range(500)], "2 transition probabilities; expected 250001"),
        (range(1, 501), 500, [(501, 1, 0)], "state 1 of phone 501 with pdf 0"),
        ([1], 1, [(2**20 - 1, 0, 0)], "state 0 of phone 1048575 with pdf 0"),
    ],
)
def test_what_a_model_announces_takes_no_memory_before_it_is_there(phones, transitions, triples, message):
    """Pdfs, transitions of all states and states of all phones are counted before anything is made for each of them."""
    data = model_text(topology_text(phones, transitions), triples).encode()
    TransitionModel.initial(HmmTopology.load(LANG / "topo"), load("mono")[0])  # what is imported once
    tracemalloc.start()
    with pytest.raises(InputError, match=message):
        TransitionModel.read(KaldiInput(in_memory(data, "final.mdl")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * len(data) + (1 << 20)


def test_a_large_phone_takes_no_memory_for_those_before_it():
    data = topology_text([3, 2**20 - 1], 1).encode()
    tracemalloc.start()
    topology = HmmTopology.read(KaldiInput(in_memory(data, "topo")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert topology.phones == [3, 2**20 - 1]
    assert topology.num_pdf_classes(2**20 - 1) == 2
    assert peak < 1 << 20


@pytest.mark.parametrize(("width", "position"), [(101, 1), (1 << 20, 0), (3, 3), (3, -1), (0, 0)])
def test_a_window_that_no_recipe_has_is_refused(width, position):
    text = f"ContextDependency {width} {position} ToPdf CE 0 EndContextDependency "
    with pytest.raises(InputError, match=f"a window of {width} phones with the central one at {position}.*at most 100"):
        ContextDependency.read(KaldiInput(in_memory(text.encode(), "tree")))
    wide = ContextDependency.read(
        KaldiInput(in_memory(text.replace(f" {width} {position} ", " 100 99 ").encode(), "tree"))
    )
    assert wide.compute([1] * 100, 0) == 0
