import threading

import pytest

from clode_core.video.ahead import ahead


def test_everything_comes_in_order_made_by_another_thread():
    makers = set()

    def made():
        for number in range(20):
            makers.add(threading.current_thread())
            yield number

    assert list(ahead(made())) == list(range(20))
    assert threading.current_thread() not in makers


def test_what_goes_wrong_is_raised_after_what_went_right():
    def made():
        yield 1
        raise ValueError("damaged")

    items = ahead(made())
    assert next(items) == 1
    with pytest.raises(ValueError, match="damaged"):
        next(items)


def test_closing_ends_the_thread_though_there_is_more():
    asked = []

    def endless():
        while True:
            asked.append(1)
            yield 1

    before = threading.active_count()
    items = ahead(endless())
    next(items)
    items.close()
    assert threading.active_count() == before
    assert len(asked) < 10
