"""Connections go to whichever worker holds the fewest."""

import errno
import socket

import pytest

from euthymia.app.dealing import Hands, accept_into, listen


def _taken(channel: socket.socket) -> list[socket.socket]:
    channel.setblocking(False)
    taken = []
    while True:
        try:
            _, handles, _, _ = socket.recv_fds(channel, 64, 64)
        except BlockingIOError:
            return taken
        taken += [socket.socket(fileno=handle) for handle in handles]


def _deal(hands: Hands, number: int) -> list[socket.socket]:
    callers = []
    for _ in range(number):
        caller, connection = socket.socketpair()
        hands.deal(connection)
        callers.append(caller)
    return callers


@pytest.fixture
def hands():
    made = Hands()
    yield made
    made.close()


def _close(*sockets: socket.socket) -> None:
    for one in sockets:
        one.close()


def test_connections_are_dealt_evenly_and_arrive_open(hands):
    channels = [hands.add(place) for place in range(3)]
    callers = _deal(hands, 9)
    taken = [_taken(channel) for channel in channels]
    assert [len(some) for some in taken] == [3, 3, 3]
    callers[0].sendall(b"hello")
    assert taken[0][0].recv(10) == b"hello"
    _close(*callers, *channels, *(one for some in taken for one in some))


def test_who_told_of_ends_gets_the_next(hands):
    channels = [hands.add(place) for place in range(2)]
    callers = _deal(hands, 4)
    channels[1].send(b"ee")
    callers += _deal(hands, 2)
    taken = [_taken(channel) for channel in channels]
    assert [len(some) for some in taken] == [2, 4]
    _close(*callers, *channels, *(one for some in taken for one in some))


def test_a_worker_that_ended_gets_none_and_its_successor_starts_from_nothing(hands):
    channels = [hands.add(place) for place in range(2)]
    callers = _deal(hands, 4)
    channels[0].close()
    callers += _deal(hands, 1)  # its place is empty still: the other takes one more
    channels[0] = hands.add(0)
    callers += _deal(hands, 3)
    taken = [_taken(channel) for channel in channels]
    assert [len(some) for some in taken] == [3, 3]
    _close(*callers, *channels, *(one for some in taken for one in some))


def test_with_no_worker_alive_the_caller_is_not_left_waiting(hands):
    hands.add(0).close()
    (caller,) = _deal(hands, 1)
    assert caller.recv(1) == b""
    caller.close()


def test_accepting_ends_when_the_listener_is_shut(hands):
    channel = hands.add(0)
    with listen("127.0.0.1", 0) as listener:
        with socket.create_connection(listener.getsockname()):
            pass
        listener.settimeout(0.2)  # a timeout is an OSError too: accepting ends
        accept_into(hands, listener)
    _close(channel, *_taken(channel))


def test_accepting_goes_on_after_a_passing_trouble(hands):
    troubles = [OSError(errno.EMFILE, "too many"), OSError(errno.EINVAL, "shut down")]

    class Listener:
        def accept(self):
            raise troubles.pop(0)

    accept_into(hands, Listener())
    assert not troubles


def test_a_port_that_is_taken_is_an_error():
    with listen("127.0.0.1", 0) as listener, pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", listener.getsockname()[1])
