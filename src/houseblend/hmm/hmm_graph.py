"""The H transducer and the self-loops (Kaldi's hmm/hmm-utils)."""

from collections.abc import Iterable, Sequence

from houseblend.hmm.topology import NO_PDF
from houseblend.hmm.transition_model import TransitionModel
from houseblend.hmm.tree import ContextDependency
from houseblend.lang.fst import NO_FINAL, Arc, Graph


def h_transducer(
    windows: Sequence[Sequence[int]], tree: ContextDependency, model: TransitionModel, transition_scale: float
) -> tuple[Graph, list[int]]:
    """H without self-loops: transition-ids to phones in context.

    Args:
        windows: what each label of C's input means: [] for epsilon, [-symbol] for a disambiguation symbol, else the
            phones of a window.
        tree: the decision tree.
        model: the transition model.
        transition_scale: factor on the transition log-probabilities.

    Returns:
        The graph, and its input labels for disambiguation symbols (behind the last transition-id).
    """
    graph = Graph()
    loop = graph.add_state(final=0.0)
    known: dict[tuple[int, tuple[int | None, ...]], Arc] = {}
    disambiguation: list[int] = []
    for label, window in enumerate(windows):
        if len(window) == 0:
            continue
        if len(window) == 1 and window[0] <= 0:
            disambiguation.append(model.num_ids + len(disambiguation) + 1)
            graph.arcs[loop].append(Arc(disambiguation[-1], label, 0.0, loop))
            continue
        phone = window[tree.central_position]
        pdfs = tuple(tree.compute(window, number) for number in range(model.topology.num_pdf_classes(phone)))
        if (phone, pdfs) in known:
            graph.arcs[loop].append(known[phone, pdfs]._replace(olabel=label))
        else:
            known[phone, pdfs] = _add_phone(graph, loop, label, phone, pdfs, model, transition_scale)
    return graph, disambiguation


def _add_phone(
    graph: Graph, loop: int, label: int, phone: int, pdfs: tuple[int | None, ...], model: TransitionModel, scale: float
) -> Arc:
    """Add the HMM of one phone in context between the loop state and itself; returns the arc that enters it."""
    hmm = model.topology.states_of(phone)
    arcs: list[list[Arc]] = []
    for number, state in enumerate(hmm):
        arcs.append([])
        for index, (target, _) in enumerate(state.transitions):
            if target != number and state.pdf_class != NO_PDF:
                pdf = pdfs[state.pdf_class]
                transition_state = model.state_of(phone, number, -1 if pdf is None else pdf)
                ident = int(model.first_id[transition_state]) + index
                log_prob = model.log_probs[ident] - model.non_self_loop_log_probs[transition_state]
                arcs[-1].append(Arc(ident, 0, -float(log_prob) * scale, target))
    reentered = any(arc.nextstate == 0 for state in arcs for arc in state)
    shares_loop = len(arcs[0]) == 1 and not reentered
    first = len(graph.arcs) - (1 if shares_loop else 0)
    names = [loop if shares_loop and number == 0 else first + number for number in range(len(hmm))]
    for name in names:
        if name != loop:
            graph.add_state()
    if not shares_loop:
        entry = Arc(0, label, 0.0, names[0])
        graph.arcs[loop].append(entry)
    for number, state in enumerate(arcs):
        own = [arc._replace(nextstate=names[arc.nextstate]) for arc in state]
        if names[number] == loop:
            own = [arc._replace(olabel=label) for arc in own]
            entry = own[0]
        graph.arcs[names[number]] += own
    graph.arcs[names[-1]].append(Arc(0, 0, 0.0, loop))
    return entry


def remove_symbols(graph: Graph, symbols: Iterable[int]) -> None:
    """Turn input symbols into epsilon, in place."""
    gone = set(symbols)
    for arcs in graph.arcs:
        arcs[:] = [arc._replace(ilabel=0) if arc.ilabel in gone else arc for arc in arcs]


def add_self_loops(graph: Graph, model: TransitionModel, scale: float) -> None:
    """Add the self-loop of every HMM state at the state behind its transition, in place (Kaldi's --reorder=true).

    A state must be entered by transition-ids of one transition-state only; where it is not, states are put before it.

    Args:
        graph: transition-ids on its input, without self-loops.
        model: the transition model.
        scale: factor on the self-loops' log-probabilities.
    """
    states = model.id_to_state.tolist()
    _separate_entries(graph, states)
    entered_by = [0] * len(graph.arcs)
    for arcs in graph.arcs:
        for arc in arcs:
            if arc.ilabel:
                entered_by[arc.nextstate] = states[arc.ilabel]
    for state, source in enumerate(entered_by):
        if not source:
            continue
        leave = -float(model.non_self_loop_log_probs[source]) * scale
        graph.finals[state] = graph.finals[state] + leave if graph.finals[state] != NO_FINAL else NO_FINAL
        graph.arcs[state] = [arc._replace(weight=arc.weight + leave) for arc in graph.arcs[state]]
        loop = int(model.self_loop_of[source])
        if loop:
            graph.arcs[state].append(Arc(loop, 0, -float(model.log_probs[loop]) * scale, state))


def _separate_entries(graph: Graph, states: list[int]) -> None:
    """Give every state one kind of entry: arcs of a kind of their own reach a shared state by an epsilon arc."""
    kinds: list[set[int]] = [set() for _ in graph.arcs]
    kinds[graph.start].add(0)
    for arcs in graph.arcs:
        for arc in arcs:
            kinds[arc.nextstate].add(states[arc.ilabel] if arc.ilabel else 0)
    before: dict[tuple[int, int], int] = {}
    for state in range(len(kinds)):
        for index, arc in enumerate(graph.arcs[state]):
            kind = states[arc.ilabel] if arc.ilabel else 0
            if not kind or len(kinds[arc.nextstate]) < 2:
                continue
            if (arc.nextstate, kind) not in before:
                added = before[arc.nextstate, kind] = graph.add_state()
                graph.arcs[added].append(Arc(0, 0, 0.0, arc.nextstate))
            graph.arcs[state][index] = arc._replace(nextstate=before[arc.nextstate, kind])
