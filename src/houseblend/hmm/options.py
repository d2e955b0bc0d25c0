"""Options of training, searching and composing HMM graphs; nothing heavy is loaded here."""

from dataclasses import dataclass

from houseblend.base.options import declared


@dataclass(frozen=True)
class TransitionOptions:
    """The update of transition probabilities (Kaldi's MleTransitionUpdateConfig)."""

    transition_floor: float = declared(0.01, "Floor of transition probabilities")
    transition_min_count: float = declared(5.0, "Transition-states of less count are not updated")


@dataclass(frozen=True)
class PathOptions:
    """The search for the best path through a training graph; the defaults are those of Kaldi's gmm-align-compiled."""

    acoustic_scale: float = declared(1.0, "Factor on log-likelihoods")
    beam: float = declared(200.0, "Beam of the search")
    retry_beam: float = declared(0.0, "Beam of a second try, where the first fails; 0 for none")


@dataclass(frozen=True)
class GraphOptions:
    """What probabilities of transitions weigh in a graph; the defaults are those of Kaldi's scripts."""

    transition_scale: float = declared(1.0, "Factor on transition log-probabilities")
    self_loop_scale: float = declared(0.1, "Factor on those of self-loops")
