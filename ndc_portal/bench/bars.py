"""What a bench promises and what it measured. A part that cannot run is a bar that does not hold, with the reason."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One thing that is measured: `measure()` gives {"figures": {...}, "bars": [bar, ...]}."""

    name: str
    measure: Callable[[], dict]


def bar(name: str, value, unit: str, limit, holds: bool, **more) -> dict:
    return {"name": name, "value": value, "unit": unit, "bar": limit, "holds": bool(holds), **more}


def at_most(name: str, value: float, unit: str, limit: float) -> dict:
    return bar(name, value, unit, limit, value <= limit)


def run(part: Part) -> dict:
    """The part's figures and bars, whatever happens in it."""
    try:
        result = part.measure()
    except Exception as error:  # a bench reports what it could not do
        place = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''} ({place.name})"
        return {"figures": {}, "bars": [bar(f"{part.name}: runs", 0, "yes", 1, False, reason=reason)]}
    if not result["bars"]:
        result["bars"] = [bar(f"{part.name}: runs", 0, "yes", 1, False, reason="it measured nothing")]
    return result


def table(bars: list[dict]) -> str:
    """The bars as lines to read."""
    lines = [f"{'':4}{'bar':72}{'measured':>12}{'bar':>10}  unit"]
    for one in bars:
        mark = "ok" if one["holds"] else "NO"
        lines.append(f"{mark:4}{one['name'][:71]:72}{one['value']!s:>12}{one['bar']!s:>10}  {one['unit']}")
        if one.get("reason"):
            lines.append(f"      {one['reason']}")
    return "\n".join(lines)
