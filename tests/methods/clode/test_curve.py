import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clode_core.methods.clode.curve import curve, discrete_curve, inverse_curve


def intensities(n=200, dtype=torch.float32):
    return torch.linspace(0, 1, n, dtype=dtype)


@given(st.floats(-20, 20), st.floats(0, 1, width=32))
def test_output_lies_in_the_unit_interval_for_every_exponent(exponent, intensity):
    out = curve(torch.tensor(intensity, dtype=torch.float32), torch.tensor(exponent, dtype=torch.float32))
    assert 0 <= out <= 1


@pytest.mark.parametrize("exponent", [-1e9, -1e4, -90.0, 90.0, 1e4, 1e9])
def test_extreme_exponents_neither_overflow_nor_leave_the_interval(exponent):
    out = curve(intensities(), torch.tensor(exponent))
    assert torch.isfinite(out).all() and out.min() >= 0 and out.max() <= 1


@pytest.mark.parametrize("exponent", [-20.0, -3.0, 0.0, 3.0, 20.0])
def test_black_and_white_stay(exponent):
    assert curve(torch.tensor([0.0, 1.0]), torch.tensor(exponent)).tolist() == [0.0, 1.0]


def test_the_curve_is_a_shift_of_the_logit():
    image = intensities(dtype=torch.float64)[1:-1]
    out = curve(image, torch.tensor(1.7, dtype=torch.float64))
    assert torch.allclose(torch.logit(out), torch.logit(image) + 1.7, atol=1e-9)


@given(st.floats(-6, 6))
def test_the_opposite_exponent_undoes_the_curve(exponent):
    image = intensities(dtype=torch.float64)
    S = torch.tensor(exponent, dtype=torch.float64)
    assert torch.allclose(inverse_curve(curve(image, S), S), image, atol=1e-11)


@given(st.floats(-20, 20))
def test_order_is_kept(exponent):
    out = curve(intensities(dtype=torch.float64), torch.tensor(exponent, dtype=torch.float64))
    assert (out.diff() >= 0).all()


def test_exponents_add():
    image = intensities(dtype=torch.float64)
    S, R = (torch.tensor(v, dtype=torch.float64) for v in (1.3, -0.4))
    assert torch.allclose(curve(curve(image, S), R), curve(image, S + R), atol=1e-12)


def test_the_discrete_curve_is_the_quadratic_of_zero_dce():
    assert discrete_curve(torch.tensor([0.0, 0.25, 1.0]), torch.tensor(0.8)).tolist() == pytest.approx(
        [0.0, 0.25 + 0.8 * 0.25 * 0.75, 1.0]
    )


def test_many_small_discrete_steps_converge_to_the_curve_at_first_order():
    image = intensities(dtype=torch.float64)
    A = torch.tensor(0.9, dtype=torch.float64)
    exact = curve(image, 3 * A)
    errors = []
    for steps in (100, 200, 400):
        out = image
        for _ in range(steps):
            out = discrete_curve(out, A * 3 / steps)
        errors.append(float((out - exact).abs().max()))
    assert errors[2] < 1.5e-3
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.05)
