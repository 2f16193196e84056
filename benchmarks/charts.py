# SPDX-License-Identifier: BSL-1.0
"""SVG charts, by string formatting alone: horizontal bars with min–max, and lines over logarithmic axes."""
import html
import math

GREY, OURS, COLOURS = "#7a7f87", "#d1495b", ("#d1495b", "#2e6f95", "#6a994e", "#b08968", "#7b5ea7", "#3d405b")


def short(x):
    if x >= 1e6:
        return f"{x / 1e6:.3g} M"
    if x >= 1e3:
        return f"{x / 1e3:.3g} k"
    return f"{x:.3g}"


def text(x, y, what, anchor="start", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{html.escape(what)}</text>'


def svg(width, height, parts):
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'font-family="system-ui, sans-serif" font-size="13" fill="{GREY}">')
    return "\n".join([head, *parts, "</svg>", ""])


def powers(low, high):
    """Powers of ten around a range, for a logarithmic axis."""
    first, last = math.floor(math.log10(0.8 * low)), math.ceil(math.log10(high))
    return [10.0 ** e for e in range(first, max(last, first + 1) + 1)]


def bars(title, rows, unit):
    """rows: (who, low, median, high), fastest first; whoever begins with `antiphon` is coloured. Logarithmic."""
    left, right, step, top = 300, 90, 24, 44
    width, height = 860, top + step * len(rows) + 34
    ticks = powers(min(r[1] for r in rows), max(r[3] for r in rows))
    scale = (width - left - right) / (math.log10(ticks[-1]) - math.log10(ticks[0]))

    def x(value):
        return left + scale * (math.log10(max(value, ticks[0])) - math.log10(ticks[0]))

    parts = [text(12, 24, title, extra=' font-weight="600" font-size="15"')]
    for tick in ticks:
        parts.append(f'<line x1="{x(tick):.1f}" y1="{top - 6}" x2="{x(tick):.1f}" y2="{height - 28}" stroke="{GREY}" stroke-opacity="0.18"/>')
        parts.append(text(x(tick), height - 12, f"{short(tick)} {unit}", "middle"))
    for i, (who, low, median, high) in enumerate(rows):
        y = top + step * i
        colour = OURS if who.startswith("antiphon") else GREY
        parts.append(text(left - 8, y + 13, who, "end", f' fill="{colour}"' if colour == OURS else ""))
        parts.append(f'<rect x="{left}" y="{y + 2}" width="{max(1.0, x(median) - left):.1f}" height="{step - 9}" fill="{colour}" '
                     f'fill-opacity="{0.9 if colour == OURS else 0.55}"/>')
        parts.append(f'<line x1="{x(low):.1f}" y1="{y + 9.5}" x2="{x(high):.1f}" y2="{y + 9.5}" stroke="#222" stroke-opacity="0.55"/>')
        parts.append(text(x(high) + 6, y + 13, short(median)))
    return svg(width, height, parts)


def lines(title, series, x_name, unit):
    """series: {who: [(x, median), …]}; both axes logarithmic."""
    left, right, top, width, height = 70, 230, 44, 860, 360
    xs = sorted({x for each in series.values() for x, _ in each})
    ticks = powers(min(m for each in series.values() for _, m in each), max(m for each in series.values() for _, m in each))

    def place_x(v):
        return left + (width - left - right) * (math.log(v) - math.log(xs[0])) / (math.log(xs[-1]) - math.log(xs[0]))

    def place_y(v):
        return height - 50 - (height - 50 - top) * (math.log10(v) - math.log10(ticks[0])) / (math.log10(ticks[-1]) - math.log10(ticks[0]))

    parts = [text(12, 24, title, extra=' font-weight="600" font-size="15"')]
    for tick in ticks:
        parts.append(f'<line x1="{left}" y1="{place_y(tick):.1f}" x2="{width - right}" y2="{place_y(tick):.1f}" stroke="{GREY}" stroke-opacity="0.18"/>')
        parts.append(text(left - 8, place_y(tick) + 4, f"{short(tick)} {unit}", "end"))
    for x in xs:
        parts.append(text(place_x(x), height - 30, short(x), "middle"))
    parts.append(text((left + width - right) / 2, height - 10, x_name, "middle"))
    labels = []
    for i, (who, points) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        path = " ".join(f"{place_x(x):.1f},{place_y(m):.1f}" for x, m in sorted(points))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{place_x(x):.1f}" cy="{place_y(m):.1f}" r="3" fill="{colour}"/>' for x, m in points]
        labels.append([place_y(max(points)[1]), who, colour])
    labels.sort()
    for above, label in zip(labels, labels[1:]):
        label[0] = max(label[0], above[0] + 17)
    parts += [text(width - right + 10, y + 4, who, extra=f' fill="{colour}"') for y, who, colour in labels]
    return svg(width, height, parts)
