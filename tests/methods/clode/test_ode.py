import pytest
import torch

from clode_core.methods.clode.curve import curve, discrete_curve
from clode_core.methods.clode.networks import CurveNet, PaperCurveNet
from clode_core.methods.clode.ode import (
    ADAPTIVE,
    FIXED_STEP,
    SOLVERS,
    Solver,
    solve_dense,
    solve_exponent,
    solve_state,
)


def psnr(a, b):
    return float(-10 * torch.log10((a - b).square().mean()))


@pytest.fixture(params=["multiscale", "paper"])
def h(request):
    torch.manual_seed(3)
    network = CurveNet((8, 8, 8)) if request.param == "multiscale" else PaperCurveNet(8)
    with torch.no_grad():
        network.head.weight.normal_(0, 0.3)
        network.head.bias.fill_(0.3)
    network = network.double().eval().requires_grad_(False)
    return network


@pytest.fixture
def image():
    return torch.rand(1, 3, 20, 28, dtype=torch.float64) ** 2


TIMES = torch.tensor([0.0, 3.0], dtype=torch.float64)
TIGHT = Solver("dopri5", tolerance=1e-7)


def test_exponent_form_and_state_form_agree_at_tight_tolerance(h, image):
    exponent = solve_exponent(h, image, TIMES, TIGHT)[-1]
    state = solve_state(h, image, TIMES, TIGHT)[-1]
    assert psnr(curve(image, exponent), state) > 60


def test_exponent_form_and_state_form_agree_backwards_in_time(h, image):
    back = -TIMES
    state = solve_state(h, image, back, TIGHT)[-1]
    assert psnr(curve(image, solve_exponent(h, image, back, TIGHT)[-1]), state) > 60


def test_discrete_curves_with_the_same_network_converge_to_the_ode(h, image):
    exact = curve(image, solve_exponent(h, image, TIMES, TIGHT)[-1])
    errors = []
    for steps in (20, 40, 80):
        state = image
        for k in range(steps):
            A = h(state, torch.tensor(3.0 * k / steps, dtype=torch.float64))
            state = discrete_curve(state, A * 3 / steps)
        errors.append(float((state - exact).abs().mean()))
    assert errors[0] > 1.6 * errors[1] > 1.6 * 1.6 * errors[2]
    assert errors[2] < 0.02


@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_reaches_the_same_exponent(h, image, name):
    reference = solve_exponent(h, image, TIMES, TIGHT)[-1]
    grid = torch.linspace(0, 3, 61, dtype=torch.float64) if name in FIXED_STEP else TIMES
    ours = solve_exponent(h, image, grid, Solver(name, tolerance=1e-6, max_steps=20_000))[-1]
    assert float((ours - reference).abs().mean()) < (0.06 if name == "euler" else 2e-3)


def test_the_slope_of_the_exponent_never_exceeds_the_amplitude(h, image):
    exponent = solve_exponent(h, image, torch.tensor([0.0, 20.0], dtype=torch.float64), Solver("rk4"))[-1]
    assert exponent.abs().max() <= 20 * getattr(h, "amplitude", 1.0) + 1e-9


@pytest.mark.parametrize("name", ["midpoint", "rk4", "euler", "dopri5"])
def test_dense_output_passes_through_the_solution(h, image, name):
    solver = Solver(name, step=0.25, tolerance=1e-5)
    dense = solve_dense(h, image[0], (-2.0, 3.0), solver)
    for time in (-2.0, -0.5, 0.0, 1.25, 3.0):
        grid = torch.tensor([0.25 * k * (1 if time > 0 else -1) for k in range(int(abs(time) / 0.25) + 1)])
        expected = (
            solve_exponent(h, image, grid.double(), solver)[-1, 0] if time else torch.zeros_like(image[0])
        )
        assert torch.allclose(dense.at(time), expected, atol=1e-4)


def test_dense_output_between_knots_is_as_good_as_a_solve_to_there(h, image):
    dense = solve_dense(h, image[0], (0.0, 3.0), Solver("rk4", step=0.25))
    exact = solve_exponent(h, image, torch.tensor([0.0, 1.37], dtype=torch.float64), TIGHT)[-1, 0]
    assert float((dense.at(1.37) - exact).abs().max()) < 0.02


def test_a_time_has_one_exponent_whatever_span_was_solved(h, image):
    short = solve_dense(h, image[0], (0.0, 2.4), Solver())
    long = solve_dense(h, image[0], (-5.0, 5.0), Solver())
    assert torch.equal(short.at(2.4), long.at(2.4))


def test_a_span_that_only_darkens_can_be_solved(h, image):
    dense = solve_dense(h, image[0], (-2.0, 0.0), Solver())
    assert torch.equal(dense.at(0.0), torch.zeros_like(image[0]))
    assert dense.times[0] == -2


def test_fixed_step_solves_reuse_the_slopes_they_meet(h, image):
    assert solve_dense(h, image[0], (0.0, 3.0), Solver("midpoint", step=0.5)).evaluations == 6 * 2 + 1


def test_a_picture_in_a_batch_has_the_exponent_it_has_alone(h, image):
    other = torch.rand_like(image)
    together = solve_exponent(h, torch.cat([image, other]), torch.linspace(0, 3, 7).double(), Solver("rk4"))[
        -1
    ]
    alone = solve_exponent(h, image, torch.linspace(0, 3, 7).double(), Solver("rk4"))[-1]
    assert torch.allclose(together[:1], alone, atol=1e-10)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"name": "rk5"}, "unknown solver 'rk5'"),
        ({"step": 0.0}, "step must be a number from"),
        ({"step": float("nan")}, "step must be a number from"),
        ({"step": 1e30}, "step must be a number from"),
        ({"step": "0.5"}, "step must be a number from"),
        ({"tolerance": 0.0}, "tolerance must be a number from"),
        ({"tolerance": float("inf")}, "tolerance must be a number from"),
        ({"max_steps": 0}, "max_steps must be a number from"),
        ({"max_steps": float("nan")}, "max_steps must be a number from"),
    ],
)
def test_a_wrong_solver_setting_is_named(arguments, part):
    with pytest.raises(ValueError, match=part):
        Solver(**arguments)


@pytest.mark.parametrize("name", ADAPTIVE[:2])
def test_too_few_steps_allowed_gives_advice(h, image, name):
    with pytest.raises(ValueError, match="raise the tolerance or max_steps"):
        solve_exponent(h, image, TIMES, Solver(name, tolerance=1e-9, max_steps=2))


def test_a_step_too_small_for_the_limit_gives_advice(h, image):
    with pytest.raises(ValueError, match="raise the step or max_steps"):
        solve_dense(h, image[0], (0.0, 5.0), Solver(step=1e-3))


@pytest.mark.parametrize("span", [5, None, (1,), ("a", "b"), (0, 10**400)])
def test_what_is_no_span_is_refused(h, image, span):
    with pytest.raises(ValueError, match="two exposure times"):
        solve_dense(h, image[0], span, Solver())


def test_a_solver_can_be_given_by_name():
    assert Solver.named("rk4") == Solver("rk4")
    assert Solver.named(None) == Solver()
    with pytest.raises(ValueError, match="a solver is"):
        Solver.named(3)


@pytest.mark.parametrize("span", [(1.0, 2.0), (0.0, 0.0), (-1.0, float("nan")), (float("-inf"), 1.0)])
def test_a_span_without_zero_is_refused(h, image, span):
    with pytest.raises(ValueError, match="must contain 0"):
        solve_dense(h, image[0], span, Solver())
