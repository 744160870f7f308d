"""PNG and SVG buttons that work in the reader's own browser, with no Chrome on the server.

The chart on the page already knows how to write itself to a file; its own button offers one format
and the page's colours. These buttons ask it for either format, in print colours, with title and
caption in the picture, and then put it back as it was.
"""

from collections.abc import Mapping

import streamlit as st

from dashboard.components.colours import DARK_OF

PICTURE_WIDTH = 960

_HTML = """
<div class="row">
  <button type="button" data-format="png">PNG</button>
  <button type="button" data-format="svg">SVG</button>
  <span class="note" role="status"></span>
</div>
"""

_CSS = """
.row { display: flex; gap: .5rem; align-items: center; font-family: var(--st-font); }
button {
  font: inherit; font-size: .875rem; padding: .25rem .75rem; min-height: 2.5rem; cursor: pointer;
  color: var(--st-text-color); background: var(--st-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius);
}
button:hover, button:focus-visible {
  color: var(--st-primary-color); border-color: var(--st-primary-color); outline: none;
}
button:focus-visible { box-shadow: 0 0 0 2px var(--st-primary-color); }
/* Empty but for the moment a chart is still being drawn; then it must not widen the gap. */
.note:empty { display: none; }
.note { font-size: .8rem; color: var(--st-text-color); }
"""

_JS = """
const wrapped = (text, most) => {
  const lines = [];
  for (const word of text.split(' ')) {
    const last = lines.length - 1;
    if (last >= 0 && (lines[last] + ' ' + word).length <= most) lines[last] += ' ' + word;
    else lines.push(word);
  }
  return lines;
};

const escaped = (text) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
      .replaceAll('$', '&#36;');

const recoloured = (node, colours) => {
  if (typeof node === 'string') return colours[node] ?? node;
  if (Array.isArray(node)) return node.map((item) => recoloured(item, colours));
  if (node && typeof node === 'object' && node.constructor === Object) {
    return Object.fromEntries(
      Object.entries(node).map(([key, value]) => [key, recoloured(value, colours)]));
  }
  return node;
};

const forPrint = (layout, data) => {
  const copy = recoloured(layout, data.colours);
  const title = wrapped(data.title, 90), caption = wrapped(data.caption, 130);
  const above = 30 + 24 * title.length + 18 * caption.length;
  copy.title = {
    text: title.map((line) => '<b>' + escaped(line) + '</b>').join('<br>'),
    subtitle: { text: caption.map(escaped).join('<br>'), font: { size: 13, color: '#374151' } },
    font: { size: 18, color: '#111827' },
    x: 0.01, xanchor: 'left', y: 1, yanchor: 'top', yref: 'container',
    pad: { t: 16 + 24 * (title.length - 1) },
  };
  copy.margin = { ...copy.margin, t: (copy.margin?.t ?? 20) + above };
  copy.paper_bgcolor = copy.plot_bgcolor = '#FFFFFF';
  copy.font = { ...copy.font, color: '#374151' };
  copy.template = undefined;
  return { layout: copy, above };
};

export default function ({ data, parentElement }) {
  const note = parentElement.querySelector('.note');
  const chart = () => document.querySelector('.st-key-' + data.chart + ' .js-plotly-plot');
  for (const button of parentElement.querySelectorAll('button')) {
    button.setAttribute('aria-label', `Download ${button.textContent} of: ${data.title}`);
    button.onclick = () => {
      const plot = chart();
      const own = plot?.querySelector('[data-attr="toImage"], .modebar-btn[data-title^="Download"]')
        ?? plot?.querySelector('.modebar-btn');
      if (!own) { note.textContent = 'The chart is still being drawn; try again.'; return; }
      const before = { layout: plot.layout, data: plot.data,
                       options: plot._context.toImageButtonOptions };
      const { layout, above } = forPrint(plot.layout, data);
      try {
        plot.layout = layout;
        plot.data = recoloured(plot.data, data.colours);
        plot._context.toImageButtonOptions = {
          format: button.dataset.format, filename: data.file, scale: 2,
          width: data.width, height: (plot._fullLayout?.height ?? 400) + above };
        own.dispatchEvent(new MouseEvent('click', { bubbles: true }));
      } finally {
        plot.layout = before.layout;
        plot.data = before.data;
        plot._context.toImageButtonOptions = before.options;
      }
      note.textContent = '';
    };
  }
}
"""

_component = st.components.v2.component("assay_picture_buttons", html=_HTML, css=_CSS, js=_JS)


def picture_buttons(*, chart: str, title: str, caption: str, file: str) -> None:
    """Show the two buttons.

    Args:
        chart: key of the container that holds the chart.
        title: into the picture, plain text.
        caption: into the picture, plain text.
        file: name of the file without its ending, made by us.
    """
    data: Mapping[str, object] = {
        "chart": chart,
        "title": title,
        "caption": caption,
        "file": file,
        "width": PICTURE_WIDTH,
        "colours": {dark: light for light, dark in DARK_OF.items()},
    }
    _component(data=data, key=f"{chart}-pictures", width="content")
