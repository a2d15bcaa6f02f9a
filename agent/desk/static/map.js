// The map: Leaflet over GeoJSON layers of the district, no internet needed. It shows, and it lets people draw.

import { get } from "./api.js";
import { $, h, icon } from "./dom.js";
import { openAlerts, UNANSWERED } from "./state.js";
import { t } from "./texts.js";

const L = window.L;
const EARTH_M_PER_DEG = 111320;
const STYLES = {
  water: { color: "#2f6f9f", weight: 1, fillColor: "#2f6f9f", fillOpacity: 0.35 },
  river: { color: "#3b82b8", weight: 3, fill: false },
  wood: { color: "#2e6b45", weight: 0, fillColor: "#2e6b45", fillOpacity: 0.28 },
  road: { color: "#8a8f98", weight: 2, fill: false },
  power_line: { color: "#b58a3c", weight: 1.5, dashArray: "6 4", fill: false },
  building: { color: "#8a8f98", weight: 1, fillColor: "#8a8f98", fillOpacity: 0.4 },
  boundary: { color: "#9aa4b2", weight: 2, dashArray: "2 6", fill: false },
};
const PLAIN = { color: "#7b8794", weight: 1.5, fillOpacity: 0.08 };

export async function makeMap(settings, select) {
  const map = L.map("map", { zoomControl: false, worldCopyJump: true, attributionControl: true, keyboard: true });
  map.attributionControl.setPrefix("Leaflet");
  L.control.zoom({ position: "bottomright" }).addTo(map);
  L.control.scale({ imperial: false, position: "bottomleft" }).addTo(map);
  map.setView([settings.lat ?? 30.39, settings.lon ?? 119.84], settings.lat === null ? 4 : 13);
  if (settings.tiles_url) L.tileLayer(settings.tiles_url, { maxZoom: 19, attribution: escaped(settings.tiles_credit) }).addTo(map);
  const view = new View(map, select);
  for (let n = 0; n < settings.layers; n += 1) {
    const found = await get(`/api/map/${n}`);
    if (found.ok) view.ground(found.body);
  }
  return view;
}

// Leaflet takes its credit line as HTML.
function escaped(text) {
  return h("i", {}, text).innerHTML;
}

function named(node, text) {
  return h("span", {}, node, text);
}

class View {
  constructor(map, select) {
    this.map = map;
    this.select = select;
    this.placed = false;
    this.aim = null; // where to look as soon as the map can be seen
    this.below = L.layerGroup().addTo(map);
    this.things = L.layerGroup().addTo(map);
    this.sketch = L.layerGroup().addTo(map);
    this.drawing = null;
    map.on("click", (event) => this.add(event.latlng));
    $("#map").addEventListener("keydown", (event) => {
      if (this.drawing && event.key === "Enter") { this.add(map.getCenter()); event.preventDefault(); }
    });
    new ResizeObserver(() => { map.invalidateSize({ animate: false }); this.look(); }).observe($("#map"));
  }

  ground(geojson) {
    const layer = L.geoJSON(geojson, {
      style: (feature) => STYLES[feature.properties?.kind] || PLAIN,
      pointToLayer: (feature, at) => L.circleMarker(at, { radius: 3, color: "#7b8794" }),
      onEachFeature: (feature, shape) => {
        const name = feature.properties?.name;
        if (name) shape.bindTooltip(h("span", {}, String(name)), { className: "name", sticky: true });
      },
      interactive: true, bubblingMouseEvents: true,
    }).addTo(this.below);
    layer.eachLayer((shape) => shape.bringToBack?.());
    if (!this.placed && !this.aim && layer.getBounds().isValid()) this.look(layer.getBounds(), 15);
  }

  show(state, selected) {
    this.things.clearLayers();
    for (const [name, nest] of state.nests) this.nest(name, nest);
    const alerts = openAlerts(state).slice(0, 500);
    const chosen = state.alerts.get(selected);
    if (chosen && !chosen.open) alerts.push(chosen);
    for (const alert of alerts) this.alert(alert, alert.alert === selected);
    if (!this.placed) this.everything(state);
  }

  everything(state) {
    const places = [...openAlerts(state).map((alert) => alert.position), ...[...state.nests.values()].map((nest) => nest.status?.position).filter(Boolean)];
    if (!places.length) return;
    this.placed = true;
    this.look(L.latLngBounds(places.map((place) => [place.lat, place.lon])).pad(0.3), 15);
  }

  // A map that is hidden has no size and cannot be aimed.
  look(bounds = this.aim?.bounds, maxZoom = this.aim?.maxZoom) {
    if (!bounds) return;
    const seen = this.map.getSize().x > 0;
    this.aim = seen ? null : { bounds, maxZoom };
    if (seen) this.map.fitBounds(bounds, { maxZoom });
  }

  nest(name, nest) {
    const position = nest.status?.position;
    if (position) {
      const mark = h("div", { class: `mark nest n-${nest.status.state}` }, icon("nest"));
      L.marker([position.lat, position.lon], { icon: L.divIcon({ html: mark, className: "", iconSize: [30, 30] }), keyboard: false, title: "" })
        .bindTooltip(named(h("b", {}, name), ` ${t(nest.status.state)}`), { direction: "bottom", offset: [0, 12] }).addTo(this.things);
    }
    const drone = nest.telemetry;
    if (drone?.position && drone.armed) {
      const mark = h("div", { class: "mark drone" }, icon("drone"));
      mark.firstChild.style.transform = `rotate(${Number(drone.heading_deg) || 0}deg)`;
      L.marker([drone.position.lat, drone.position.lon], { icon: L.divIcon({ html: mark, className: "", iconSize: [26, 26] }), keyboard: false })
        .bindTooltip(h("span", {}, `${name}: ${drone.mode}, ${Math.round(drone.alt_rel_m ?? 0)} m`)).addTo(this.things);
    }
  }

  alert(alert, chosen) {
    const at = alert.position;
    const colour = `s-${alert.severity}`;
    const look = { className: `ring ${colour}`, weight: chosen ? 3 : 1.5, fillOpacity: chosen ? 0.18 : 0.08, interactive: false };
    L.polygon(ellipse(at), { ...look, dashArray: "5 4" }).addTo(this.things);
    const outline = alert.area?.coordinates?.[0];
    if (outline) L.polygon(outline.map(([lon, lat]) => [lat, lon]), { ...look, fillOpacity: 0.3 }).addTo(this.things);
    const waiting = alert.open && UNANSWERED.has(alert.status);
    const mark = h("div", { class: `mark alert ${colour} ${waiting ? "waiting" : ""} ${chosen ? "chosen" : ""}` }, icon(alert.hazard));
    L.marker([at.lat, at.lon], { icon: L.divIcon({ html: mark, className: "", iconSize: [36, 36] }), zIndexOffset: chosen ? 1000 : 100, keyboard: false })
      .bindTooltip(named(h("b", {}, t(alert.hazard)), ` ${t(alert.status)}`), { direction: "top", offset: [0, -14] })
      .on("click", (event) => { if (this.drawing) this.add(event.latlng); else this.select(alert.alert); }).addTo(this.things);
  }

  goTo(alert) {
    this.placed = true;
    this.look(L.latLngBounds(ellipse(alert.position)).pad(1.5), 17);
  }

  // Drawing: points until somebody says that it is done. Resolves with [[lon, lat], ...] or null.
  draw(kind) {
    this.stop?.(null);
    return new Promise((resolve) => {
      this.drawing = { kind, points: [] };
      this.stop = (points) => {
        this.drawing = null;
        this.stop = null;
        $("#drawing").hidden = true;
        $("#map").classList.remove("drawing");
        resolve(points);
      };
      $("#map").classList.add("drawing");
      $("#map").focus({ preventScroll: true });
      this.sketched();
    });
  }

  add(at) {
    if (!this.drawing) return;
    const { kind, points } = this.drawing;
    const wrapped = at.wrap();
    points.push([Number(wrapped.lng.toFixed(7)), Number(wrapped.lat.toFixed(7))]);
    this.sketched();
    if (kind === "point") this.stop(points);
  }

  sketched() {
    const { kind, points } = this.drawing;
    this.outline(kind, points);
    const least = kind === "area" ? 3 : 2;
    $("#drawing").hidden = false;
    $("#drawing").replaceChildren(
      h("span", {}, t(kind === "point" ? "draw_point" : "draw_area"), " ", kind === "point" ? "" : h("b", {}, t("drawn_area", points.length))),
      kind === "point" ? null : h("button", { class: "main", "data-do": "drawn", disabled: points.length < least, onclick: () => this.stop(points) }, t("done_drawing")),
      kind === "point" ? null : h("button", { disabled: !points.length, onclick: () => { points.pop(); this.sketched(); } }, t("undo")),
      h("button", { onclick: () => { this.stop(null); this.outline("", []); } }, t("no")));
  }

  outline(kind, points) {
    this.sketch.clearLayers();
    const places = points.map(([lon, lat]) => [lat, lon]);
    const look = { className: "sketch", interactive: false };
    if (kind === "area" && places.length > 2) L.polygon(places, look).addTo(this.sketch);
    else if (places.length > 1) L.polyline(places, look).addTo(this.sketch);
    for (const at of places) L.circleMarker(at, { ...look, radius: 5 }).addTo(this.sketch);
  }
}

// The 95 % ellipse; azimuth of the long half-axis from true north.
function ellipse(position) {
  const { semi_major_m: major, semi_minor_m: minor, azimuth_deg: azimuth } = position.error_ellipse;
  const turn = (azimuth * Math.PI) / 180;
  const east = EARTH_M_PER_DEG * Math.cos((position.lat * Math.PI) / 180);
  return Array.from({ length: 49 }, (_, n) => {
    const angle = (n / 48) * 2 * Math.PI;
    const along = major * Math.cos(angle);
    const across = minor * Math.sin(angle);
    const northward = along * Math.cos(turn) - across * Math.sin(turn);
    const eastward = along * Math.sin(turn) + across * Math.cos(turn);
    return [position.lat + northward / EARTH_M_PER_DEG, position.lon + eastward / east];
  });
}
