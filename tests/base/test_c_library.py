"""The order that the C++ library leaves behind nth_element."""

import random

from houseblend.base.c_library import nth_element


def test_what_stands_before_the_nth_is_not_greater():
    chance = random.Random(1)
    for _ in range(300):
        items = [(chance.randint(0, 9), number) for number in range(chance.randint(1, 40))]
        chance.shuffle(items)
        nth = chance.randrange(len(items))
        found = nth_element(items, nth)
        assert sorted(found) == sorted(items)
        assert found[nth] == sorted(items)[nth]
        assert all(item < found[nth] for item in found[:nth])
        assert all(item > found[nth] for item in found[nth + 1 :])


def test_the_order_is_that_of_the_library():
    """As a program of g++ prints it."""
    assert nth_element([5, 8, 1, 3, 9, 2], 1) == [1, 2, 3, 5, 9, 8]
    assert nth_element([5, 8, 1, 3, 9, 2, 7, 6, 4, 0], 4) == [2, 0, 1, 3, 4, 5, 7, 6, 8, 9]
    items = [14, 3, 17, 9, 1, 12, 19, 6, 0, 11, 5, 18, 2, 15, 8, 4, 16, 7, 13, 10]
    assert nth_element(items, 3) == [2, 0, 1, 3, 4, 5, 19, 6, 12, 11, 14, 18, 9, 15, 8, 17, 16, 7, 13, 10]
