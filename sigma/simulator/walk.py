"""Noise and paths as pure functions of a key: hashed bits, a Brownian path, a European option. One by one, and many at once.

The functions for many take one key each and answer for one second; they give the very numbers that the scalar ones give.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_SPAN = 32_768
_MASK = (1 << 64) - 1
_STEP, _FIRST, _SECOND, _PLACE = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD1B54A32D192ED03
_ROOT_THREE = 1.7320508
_RATE, _VOLATILITY = 0.065, 0.13

Keys = NDArray[np.uint64]
Floats = NDArray[np.float64]
_PLACES: Keys = np.arange(_SPAN + 1, dtype=np.uint64) * np.uint64(_PLACE)


def mix(value: int) -> int:
    """Return 64 hashed bits of an integer of any size or sign."""
    value = (value + _STEP) & _MASK
    value = ((value ^ (value >> 30)) * _FIRST) & _MASK
    value = ((value ^ (value >> 27)) * _SECOND) & _MASK
    return value ^ (value >> 31)


def mix_many(keys: Keys, salt: int = 0) -> Keys:
    """Return ``mix(key ^ salt)`` of each key; a negative salt counts in two's complement, as Python's integers do."""
    value = keys ^ np.uint64(salt & _MASK)
    value += np.uint64(_STEP)
    value ^= value >> np.uint64(30)
    value *= np.uint64(_FIRST)
    value ^= value >> np.uint64(27)
    value *= np.uint64(_SECOND)
    return value ^ (value >> np.uint64(31))


def gauss(key: int, place: int) -> float:
    """Return a nearly normal number (four uniform sixteenth-bit words summed) for a place of a path."""
    bits = mix(key ^ (place * _PLACE & _MASK))
    total = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48)
    return (total / 65_536 - 2.0) * _ROOT_THREE


def gauss_many(keys: Keys, place: int) -> Floats:
    """Return `gauss` of each key at one place."""
    return _gauss_of(keys ^ np.uint64(place * _PLACE & _MASK))


def _gauss_of(keys: Keys) -> Floats:
    bits = mix_many(keys)
    word, shift = np.uint64(0xFFFF), np.uint64(16)
    total = (bits & word) + (bits >> shift & word) + (bits >> np.uint64(32) & word) + (bits >> np.uint64(48))
    numbers: Floats = (total.astype(np.float64) / 65_536 - 2.0) * _ROOT_THREE
    return numbers


def walk(key: int, second: int) -> float:
    """Return the Brownian path of `key` at `second`: about one unit of standard deviation over a session."""
    low, high = 0, _SPAN
    at_low = 0.2 * gauss(key, _SPAN + 1)
    at_high = at_low + 1.2 * gauss(key, _SPAN)
    while high - low > 1:
        middle = (low + high) // 2
        spread = 0.6 * math.sqrt((high - low) / _SPAN)
        at_middle = (at_low + at_high) / 2 + spread * gauss(key, middle)
        if second < middle:
            high, at_high = middle, at_middle
        else:
            low, at_low = middle, at_middle
        if second == low:
            break
    return at_low


def walk_many(keys: Keys, second: int) -> Floats:
    """Return `walk` of each key at one second: all paths halve at the same places, so fifteen vector steps do."""
    low, high = 0, _SPAN
    at_low = 0.2 * gauss_many(keys, _SPAN + 1)
    at_high = at_low + 1.2 * gauss_many(keys, _SPAN)
    while high - low > 1:
        middle = (low + high) // 2
        spread = 0.6 * math.sqrt((high - low) / _SPAN)
        at_middle = (at_low + at_high) / 2 + spread * gauss_many(keys, middle)
        if second < middle:
            high, at_high = middle, at_middle
        else:
            low, at_low = middle, at_middle
        if second == low:
            break
    return at_low


def whole_walk(key: int) -> Floats:
    """Return `walk` of one key at every second from 0 on: each halving fills all its middles at once."""
    path = np.empty(_SPAN + 1)
    path[0] = 0.2 * gauss(key, _SPAN + 1)
    path[_SPAN] = path[0] + 1.2 * gauss(key, _SPAN)
    noise = _gauss_of(np.uint64(key) ^ _PLACES)
    step = _SPAN
    while step > 1:
        half, spread = step // 2, 0.6 * math.sqrt(step / _SPAN)
        path[half::step] = (path[:-1:step] + path[step::step]) / 2 + spread * noise[half::step]
        step = half
    return path[:_SPAN]


def forward(spot: float, years: float) -> float:
    """Return the price of a future in rupees."""
    return spot * (1 + _RATE * years)


def forward_many(spots: Floats, years: Floats) -> Floats:
    """Return `forward` of each spot and the time left with it."""
    return spots * (1 + _RATE * years)


def black_scholes(spot: float, strike: float, years: float, *, call: bool) -> float:
    """Return the price of a European option in rupees at a flat volatility."""
    if years <= 0:
        return max(spot - strike, 0.0) if call else max(strike - spot, 0.0)
    deviation = _VOLATILITY * math.sqrt(years)
    d1 = (math.log(spot / strike) + (_RATE + _VOLATILITY**2 / 2) * years) / deviation
    discounted = strike * math.exp(-_RATE * years)
    call_price = spot * _normal(d1) - discounted * _normal(d1 - deviation)
    return call_price if call else call_price - spot + discounted


def black_scholes_many(spots: Floats, strike: float, years: Floats, *, call: bool) -> Floats:
    """Return `black_scholes` of one option for each spot and the time left with it."""
    paid = np.maximum(spots - strike if call else strike - spots, 0.0)
    live = years > 0
    if not live.any():
        return paid
    spot, time = spots[live], years[live]
    deviation = _VOLATILITY * np.sqrt(time)
    d1 = (np.log(spot / strike) + (_RATE + _VOLATILITY**2 / 2) * time) / deviation
    discounted = strike * np.exp(-_RATE * time)
    call_price = spot * _normal_many(d1) - discounted * _normal_many(d1 - deviation)
    paid[live] = call_price if call else call_price - spot + discounted
    return paid


def _normal_many(values: Floats) -> Floats:
    return np.array([0.5 * (1 + math.erf(value)) for value in (values / math.sqrt(2)).tolist()])


def _normal(value: float) -> float:
    return 0.5 * (1 + math.erf(value / math.sqrt(2)))
