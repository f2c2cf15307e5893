import numpy as np
import pytest
import torch

from clode_core.evaluation.ablation import (
    ablate,
    discrete_path,
    discrete_states,
    exponent_states,
    variants,
)
from clode_core.evaluation.figures import principal_components
from clode_core.methods.clode.curve import curve, discrete_curve
from clode_core.methods.clode.ode import Solver, solve_state


@pytest.fixture
def picture():
    return torch.rand(3, 12, 16, generator=torch.Generator().manual_seed(0)) * 0.3


def varying(state, time):
    return 0.9 * torch.cos(3 * state) * (1 + 0.1 * torch.as_tensor(time).reshape(-1, 1, 1, 1)) / 1.6


def test_a_discrete_step_is_zero_dces_curve(picture):
    time = torch.tensor([1.0])
    stepped = discrete_states(varying, picture, 1, time)
    torch.testing.assert_close(stepped[0], discrete_curve(picture, varying(picture[None], 0.0)[0]))


def test_discrete_steps_are_eulers_method_on_the_state(picture):
    stepped = discrete_states(varying, picture, 5, torch.tensor([2.0]))
    solved = solve_state(varying, picture[None], torch.linspace(0, 2, 6), Solver("euler"))
    torch.testing.assert_close(stepped, solved[-1])


def test_both_forms_of_step_come_to_the_same_as_steps_grow_many(picture):
    time = torch.tensor([3.0])
    states = [discrete_states(varying, picture, n, time) for n in (10, 400)]
    exponents = [exponent_states(varying, picture, n, time) for n in (10, 400)]
    apart = [(a - b).abs().max() for a, b in zip(states, exponents, strict=True)]
    assert apart[1] < 0.05 * apart[0] < 0.05


def test_for_a_constant_map_one_exponent_step_is_exact_and_one_discrete_step_is_not(picture):
    def constant(state, time):
        return torch.full_like(state, 0.8)

    time = torch.tensor([3.0])
    exact = curve(picture, torch.tensor(2.4))
    torch.testing.assert_close(exponent_states(constant, picture, 1, time)[0], exact)
    assert (discrete_states(constant, picture, 1, time)[0] - exact).abs().max() > 0.1


def test_many_times_at_once_are_what_each_alone_is(picture):
    times = torch.tensor([0.5, 3.0, 4.5])
    for states in (discrete_states, exponent_states):
        together = states(varying, picture, 4, times)
        alone = torch.cat([states(varying, picture, 4, time[None]) for time in times])
        torch.testing.assert_close(together, alone)


def test_a_discrete_path_starts_at_the_picture_and_stays_in_range(picture):
    def strong(state, time):
        return torch.full_like(state, 1.0)

    path = discrete_path(strong, picture * 3, 1, torch.tensor([5.0]))
    torch.testing.assert_close(path[0][0], picture * 3)
    assert len(path) == 2 and path[1].max() == 1


def test_the_table_counts_evaluations_and_measures_distance(untrained, tmp_path, dark):
    from PIL import Image

    Image.fromarray(dark).save(tmp_path / "low.png")
    Image.fromarray(np.minimum(dark.astype(int) * 3, 255).astype(np.uint8)).save(tmp_path / "high.png")
    rows, failures = ablate([(tmp_path / "low.png", tmp_path / "high.png")], untrained, steps=(1, 20))
    assert not failures
    table = {row.name: row for row in rows}
    assert [row.name for row in rows] == [variant.name for variant in variants((1, 20))]
    assert table["discrete, 1 step"].evaluations == 1
    assert table["discrete, 20 steps"].evaluations == table["Euler, 20 steps"].evaluations == 20
    assert table["discrete, 20 steps"].distance > table["discrete, 1 step"].distance + 10
    assert table["ODE, dopri5 at 1e-5"].distance > table["ODE, dopri5 at 1e-3"].distance
    assert all(row.best_psnr >= row.psnr - 0.05 for row in rows)


def test_a_pair_that_cannot_be_read_is_named(untrained, tmp_path):
    rows, failures = ablate([(tmp_path / "none.png", tmp_path / "none.png")], untrained, steps=(1,))
    assert rows == [] and "does not exist" in failures[0]


def test_principal_components_keep_distances_in_a_plane():
    flat = np.random.default_rng(0).normal(size=(9, 2))
    plane = np.linalg.qr(np.random.default_rng(1).normal(size=(30, 2)))[0]
    (points, more), shares = principal_components([flat[:5] @ plane.T, flat[5:] @ plane.T])
    assert sum(shares) == pytest.approx(1)
    both = np.concatenate([points, more])
    for k in range(9):
        np.testing.assert_allclose(
            np.linalg.norm(both - both[k], axis=1), np.linalg.norm(flat - flat[k], axis=1), atol=1e-9
        )
