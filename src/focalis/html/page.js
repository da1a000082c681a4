"use strict";

// Dragging with a finger should scroll the page, not zoom into a plot.
const touch = matchMedia("(pointer: coarse)").matches;

// The style sheet colours text and grid, so that they follow light, dark and print.
const base = {
  autosize: true,
  height: 340,
  margin: { l: 58, r: 14, t: 12, b: 50 },
  showlegend: false,
  hovermode: "closest",
  dragmode: touch ? false : "zoom",
  paper_bgcolor: "rgba(0,0,0,0)",
  plot_bgcolor: "rgba(0,0,0,0)",
  font: { family: "system-ui, sans-serif", size: 13 },
  hoverlabel: { align: "left" },
  modebar: { bgcolor: "rgba(0,0,0,0)", color: "#808080", activecolor: "#0072B2" },
};
const axis = { zeroline: false, automargin: true, fixedrange: touch };
const config = {
  responsive: true,
  displaylogo: false,
  displayModeBar: touch ? false : "hover",
  modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
};

// "keep" preserves what the reader has zoomed to.
function drawPlot(id, data, layout) {
  return Plotly.react(
    id,
    data,
    {
      ...base,
      ...layout,
      xaxis: { ...axis, ...layout.xaxis },
      yaxis: { ...axis, ...layout.yaxis },
      uirevision: "keep",
    },
    config
  );
}
