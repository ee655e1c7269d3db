"""`sudo ./install [ANSWERS] [--plan] [--root DIR]`: install the portal on this server, or bring it up to what the answers say."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from core.roles import Role
from tipportal.deploy.setup import answers, farewell, layout
from tipportal.deploy.setup.machine import Machine, StepFailedError, find_obstacles
from tipportal.deploy.setup.plan import Plan
from tipportal.deploy.setup.steps import Step
from tipportal.deploy.upgrade import course, journal

_EXAMINED = tuple(role for role in layout.ROLES if role is not Role.OWNER)


def main(arguments: list[str]) -> int:
    """Carry out the plan, or print it, and return the exit code: 0 if all is done, 1 with a sentence for what isn't."""
    options = _parse(arguments)
    machine = Machine(options.root.resolve())
    os.umask(0o022)
    if machine.is_real and not options.plan and (obstacles := find_obstacles()):
        return _complain(obstacles)
    if options.recover:
        return _recover(machine)
    try:
        plan = Plan(machine, _read_answers(machine, options.answers, may_ask=not options.plan))
    except answers.AnswersError as error:
        return _complain(error.problems)
    except OSError as error:
        return _complain([f"{options.answers} can't be read: {error.strerror}."])
    except (EOFError, KeyboardInterrupt):
        return _complain(["Stopped. Nothing was changed."])
    return _print_plan(plan) if options.plan else _install(plan)


def _print_plan(plan: Plan) -> int:
    for number, step in enumerate(plan.list_steps(), start=1):
        print(f"{number:2}. {'done' if step.is_done() else 'to do':5}  {step.title}")
    return 0


def _install(plan: Plan) -> int:
    """Carry out the plan. Where another release runs, that is an upgrade, which can be undone until it is done."""
    if not plan.machine.is_real:
        return _carry_out(plan, plan.list_steps())
    try:
        with journal.lock(plan.machine):
            if sentence := course.recover(plan.machine, lambda: plan):
                print(sentence)
            upgrade = course.Upgrade(plan)
            if upgrade.is_due():
                upgrade.carry_out()
            return _carry_out(plan, plan.list_steps())
    except StepFailedError as error:
        return _complain([str(error)])
    except OSError as error:
        return _complain([f"{error.filename}: {error.strerror}. Correct that, then start the installer again."])
    except KeyboardInterrupt:
        return _complain(["Stopped. The next run goes on from here."])


def _recover(machine: Machine) -> int:
    """Undo or complete an upgrade whose process has ended."""
    try:
        with journal.lock(machine):
            print(course.recover(machine, lambda: Plan(machine, _read_answers(machine, None, may_ask=False))))
    except journal.LockedError:
        pass  # its process goes on
    except StepFailedError as error:
        return _complain([str(error), "This is tried again each minute."])
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="install",
        description="Install the portal on this server. Run it again after a change of the answers or the code: it does what is left.",
    )
    parser.add_argument(
        "answers",
        nargs="?",
        type=Path,
        help="a file of answers, like portal.env.example; without it, questions are asked",
    )
    parser.add_argument(
        "--plan", action="store_true", help="print the steps and which of them are done, and change nothing"
    )
    parser.add_argument(
        "--recover", action="store_true", help="undo or complete an upgrade that was interrupted; systemd starts this"
    )
    parser.add_argument(
        "--root", type=Path, default=Path("/"), help="write the files below this folder, and do nothing else"
    )
    return parser.parse_args(arguments)


def _read_answers(machine: Machine, file: Path | None, *, may_ask: bool) -> dict[str, str]:
    """Return complete answers: of the file, else those of the last run; what is missing is asked for at a terminal."""
    kept = machine.path(layout.ANSWERS)
    given = answers.read_file(file or kept) if file or kept.exists() else {}
    if may_ask and sys.stdin.isatty() and answers.find_problems(given):
        given = answers.ask(given)
    return answers.complete(given)


def _carry_out(plan: Plan, steps: list[Step]) -> int:
    left = []
    for number, step in enumerate(steps, start=1):
        if step.is_done():
            continue
        print(f"{number:2}/{len(steps)}  {step.title} ...", flush=True)
        try:
            step.carry_out()
        except StepFailedError as error:
            left.append(str(error))
            if not step.may_fail:
                return _complain([*left, "Correct that, then start the installer again: it goes on from here."])
        except OSError as error:
            return _complain(
                [f"{error.filename or step.title}: {error.strerror}. Correct that, then start the installer again."]
            )
        except KeyboardInterrupt:
            return _complain(["Stopped. The next run goes on from here."])
    if not plan.machine.is_real:
        return 0
    print(
        "\nAll steps are done.\n"
        if not left
        else "\nThese steps are left. Run the installer again when their cause is gone:"
    )
    for sentence in left:
        print(f"- {sentence}")
    print(farewell.write(plan.answers, plan.invitation))
    _examine(plan)
    return 1 if left else 0


def _examine(plan: Plan) -> None:
    """Print what the doctor finds, once for each sentence."""
    print("The doctor says")
    said: dict[str, list[str]] = {}
    for role in _EXAMINED:
        try:
            plan.manage(role, "doctor")
        except StepFailedError as error:
            for line in error.output.splitlines():
                if line.startswith("FAULT:"):
                    said.setdefault(line.removeprefix("FAULT:").strip(), []).append(role)
    for sentence, roles in said.items():
        print(f"- {sentence} ({', '.join(roles)})")
    if not said:
        print("- No fault.")


def _complain(sentences: list[str]) -> int:
    print(*sentences, sep="\n", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
