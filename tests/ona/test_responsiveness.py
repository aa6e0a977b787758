"""How soon people answer and which way help flows: worked numbers of the method specification, and histograms of weeks."""

import numpy as np
import pyarrow as pa
import pytest

from ona.responsiveness import histogram, median_wait, median_waits, net_direction, waiting
from ona.tables import LATENCY_EDGES_MINUTES

LISTS = pa.list_(pa.uint32())


def counts(**bins):
    """One person's histogram: ``counts(b0=3)`` has three requests in the first bin."""
    row = np.zeros((1, len(LATENCY_EDGES_MINUTES) + 1), dtype=np.int64)
    for name, number in bins.items():
        row[0, int(name[1:])] = number
    return row


def test_requests_without_an_answer_count_as_waiting():
    minutes, answered = np.array([10.0, 15, 20, 30, 60]), np.array([True, False, True, True, False])
    times, share = waiting(minutes, answered)
    assert times.tolist() == [10, 20, 30]
    assert share == pytest.approx([0.8, 0.5333, 0.2667], abs=5e-5)  # T3.6
    assert median_wait(minutes, answered) == 30  # T3.6


def test_a_median_that_is_never_reached_is_not_told():
    assert np.isnan(median_wait(np.array([10.0, 60, 60]), np.array([True, False, False])))


def test_the_median_lies_evenly_inside_its_bin():
    """Two answers within 5 minutes, two within 5 to 15: half are done at 5; with one and three, a third of the way from 5 to 15."""
    assert median_waits(counts(b0=2, b1=2), counts())[0] == pytest.approx(5)
    assert median_waits(counts(b0=1, b1=3), counts())[0] == pytest.approx(5 + 10 / 3)


def test_leaving_hard_requests_unanswered_does_not_look_quick():
    quick = median_waits(counts(b0=4), counts())[0]
    assert median_waits(counts(b0=4), counts(b8=3))[0] > quick
    assert np.isnan(median_waits(counts(b0=4), counts(b8=6))[0])


def test_two_requests_are_too_few_to_tell_a_pace():
    assert np.isnan(median_waits(counts(b0=2), counts())[0])


def test_histograms_of_weeks_add_up_by_person_and_strangers_are_left_out():
    column = pa.chunked_array([pa.array([[1, 2], None, [3, 0], [9, 9]], LISTS)])
    total = histogram(column, np.array([0, 0, 1, -1]), 2)
    assert total[:, :2].tolist() == [[1, 2], [3, 0]]
    assert total.sum() == 6


@pytest.mark.parametrize(("answers", "questions", "z"), [(9, 1, 2.530), (90, 10, 8.0), (5, 5, 0.0), (0, 4, -2.0)])
def test_net_direction_as_worked_by_hand(answers, questions, z):
    assert net_direction(np.array([float(answers)]), np.array([float(questions)]))[0] == pytest.approx(z, abs=5e-4)  # T3.5


def test_nobody_who_neither_asks_nor_answers_has_a_direction():
    assert np.isnan(net_direction(np.zeros(1), np.zeros(1))[0])
