"use strict";
(() => {
  // Readers look and take a picture; zooming is for the dashboard.
  const config = {
    showSendToCloud: false,
    displaylogo: false,
    responsive: true,
    modeBarButtonsToRemove: [
      "zoom2d", "pan2d", "select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d", "resetScale2d",
    ],
  };
  const places = Array.from(document.querySelectorAll("[data-chart]"));

  function draw(place) {
    if (place.dataset.drawn) return;
    place.dataset.drawn = "yes";
    const spec = JSON.parse(document.getElementById("data-" + place.dataset.chart).textContent);
    const layout = Object.assign({ paper_bgcolor: "white", plot_bgcolor: "white" }, spec.layout);
    layout.font = Object.assign({ family: getComputedStyle(document.body).fontFamily }, layout.font);
    config.toImageButtonOptions = { filename: place.dataset.chart, scale: 2 };
    Plotly.newPlot(place, spec.data, layout, Object.assign({}, config)).catch(() => {
      place.textContent = "This chart could not be drawn; its numbers are in the tables below.";
    });
  }

  // One at a time, so that the page can be read while the charts appear.
  function next() {
    const place = places.shift();
    if (!place) return;
    draw(place);
    setTimeout(next, 0);
  }
  next();

  // On paper nothing can be unfolded, and charts must fit the sheet.
  window.addEventListener("beforeprint", () => {
    document.querySelectorAll("details").forEach((fold) => {
      fold.dataset.was = fold.open ? "open" : "closed";
      fold.open = true;
    });
    document.querySelectorAll("[data-chart]").forEach((place) => {
      draw(place);
      Plotly.Plots.resize(place);
    });
  });
  window.addEventListener("afterprint", () => {
    document.querySelectorAll("details").forEach((fold) => {
      fold.open = fold.dataset.was === "open";
    });
  });
})();
