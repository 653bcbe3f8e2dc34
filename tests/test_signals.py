from __future__ import annotations

import signal
import threading

import pytest

from cinefold._signals import ctrl_c_sets, ctrl_c_waits, keep_on_interrupt


def press_ctrl_c(then):
    with ctrl_c_waits():
        signal.raise_signal(signal.SIGINT)
        then()


def test_ctrl_c_comes_after_the_block():
    usual, done = signal.getsignal(signal.SIGINT), []
    with pytest.raises(KeyboardInterrupt):
        press_ctrl_c(lambda: done.append(True))
    assert done
    assert signal.getsignal(signal.SIGINT) is usual


def test_ctrl_c_is_not_lost_when_the_block_fails():
    def fail():
        raise ValueError("of the block")

    with pytest.raises(KeyboardInterrupt) as raised:
        press_ctrl_c(fail)
    assert isinstance(raised.value.__context__, ValueError)


def test_a_handler_that_is_not_pythons_stays(monkeypatch):
    usual = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(signal, "getsignal", lambda number: None)
        with ctrl_c_waits():
            patch.undo()
            assert signal.getsignal(signal.SIGINT) is usual


def test_what_was_kept_can_be_gone_on_with():
    results = []
    with keep_on_interrupt(lambda: bool(results)) as interrupted:
        results.append(1)
        signal.raise_signal(signal.SIGINT)
        results.append(2)
    assert interrupted.is_set()
    assert results == [1]


def test_ctrl_c_with_nothing_to_keep_goes_on():
    with pytest.raises(KeyboardInterrupt), keep_on_interrupt(lambda: False):
        signal.raise_signal(signal.SIGINT)


def test_a_block_that_ends_by_itself_was_not_interrupted():
    with keep_on_interrupt(lambda: True) as interrupted:
        pass
    assert not interrupted.is_set()
    with pytest.raises(ValueError, match="of the block"), keep_on_interrupt(lambda: True):
        raise ValueError("of the block")


def test_the_first_ctrl_c_sets_an_event_and_the_second_raises():
    usual, stop = signal.getsignal(signal.SIGINT), threading.Event()
    with ctrl_c_sets(stop):
        assert not stop.is_set()
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is usual


def test_ctrl_c_that_is_ignored_stays_so():
    usual, stop = signal.signal(signal.SIGINT, signal.SIG_IGN), threading.Event()
    try:
        with ctrl_c_sets(stop):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, usual)
    assert not stop.is_set()
