/* The few things that a browser has to do itself: writing numbers on axes, a link in a grid, keeping the
   language of the document. Everything else comes ready from the server. */
(function () {
  "use strict";
  var cache = {};

  function formatter(style, options) {
    var key = style.locale + JSON.stringify(options);
    cache[key] = cache[key] || new Intl.NumberFormat(style.locale, options);
    return cache[key];
  }

  function minutes(value, style) {
    var whole = Math.round(value);
    if (whole < 60) { return whole + " min"; }
    var hours = Math.floor(whole / 60), rest = whole % 60;
    if (hours >= 48) { return formatter(style, { maximumFractionDigits: 0 }).format(Math.round(value / 60)) + " " + style.hour; }
    if (rest === 0) { return hours + " " + style.hour; }
    return hours + " " + style.hour + " " + (rest < 10 ? "0" : "") + rest + " min";
  }

  /* A tick's function is called with its place too; the style is the argument that has a kind. */
  function styleIn(given) {
    return Array.prototype.find.call(given, function (one) { return one && one.kind; });
  }

  function write(value, style, short) {
    if (value === null || value === undefined || value === "") { return "–"; }
    switch (style.kind) {
      case "money":
        return formatter(style, {
          style: "currency", currency: style.currency, currencyDisplay: "narrowSymbol",
          notation: short ? "compact" : "standard", maximumFractionDigits: short ? 1 : 0, minimumFractionDigits: 0
        }).format(value);
      case "ratio":
        return formatter(style, { style: "percent", maximumFractionDigits: short ? 0 : 1 }).format(value);
      case "minutes":
        return short && value >= 60
          ? formatter(style, { maximumFractionDigits: 1 }).format(value / 60) + " " + style.hour
          : minutes(value, style);
      case "number":
        return formatter(style, { maximumFractionDigits: 1 }).format(value);
      default:
        return formatter(style, { notation: short ? "compact" : "standard", maximumFractionDigits: short ? 1 : 0 }).format(value);
    }
  }

  window.dashMantineFunctions = Object.assign(window.dashMantineFunctions || {}, {
    zevenValue: function () { return write(arguments[0], styleIn(arguments), false); },
    zevenTick: function () { return write(arguments[0], styleIn(arguments), true); }
  });

  window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions || {}, {
    zevenCell: function (params, style) { return write(params.value, style, false); }
  });

  window.dashAgGridComponentFunctions = Object.assign(window.dashAgGridComponentFunctions || {}, {
    ZevenLink: function (props) {
      var address = props.data && props.data[props.address];
      if (!address) { return props.value; }
      return window.React.createElement("a", { href: address }, props.value);
    }
  });

  /* The rows of a chart as a table: asked for when the reader opens it. The server escapes what is in it. */
  function fill(event) {
    var at = event.target;
    if (!at.matches || !at.matches("details.twin[open]") || at.dataset.filled === at.dataset.rows) { return; }
    at.dataset.filled = at.dataset.rows;
    fetch(at.dataset.rows, { credentials: "same-origin" })
      .then(function (answer) { return answer.text().then(function (text) { return [answer.ok, text]; }); })
      .then(function (got) {
        var place = at.querySelector("div");
        if (got[0]) { place.innerHTML = got[1]; } else { place.textContent = got[1]; }
      })
      .catch(function () { at.dataset.filled = ""; });
  }
  document.addEventListener("toggle", fill, true);

  window.dash_clientside = Object.assign(window.dash_clientside || {}, {
    zeven: {
      /* The filters write the address; the address makes the page. `shown` is what the server filled them
         with: only what differs from it was chosen by the reader. Empty values are left out. */
      address: function (period, start, team, rep, source, shown, search) {
        var none = window.dash_clientside.no_update;
        var asked = new URLSearchParams(search || "");
        if (!shown) { return none; }
        var chosen = { period: period, start: start, team: team, rep: rep, source: source };
        var before = asked.toString(), changed = false;
        Object.keys(chosen).forEach(function (name) {
          if (chosen[name] === undefined || (chosen[name] || "") === (shown[name] || "")) { return; }
          changed = true;
          if (chosen[name]) { asked.set(name, chosen[name]); } else { asked.delete(name); }
          if (name === "team") { asked.delete("rep"); }
          if (name === "rep" && chosen[name]) { asked.delete("team"); }
        });
        if (!changed || asked.toString() === before) { return none; }
        var at = document.activeElement && document.activeElement.closest("[id^='filter-']");
        window.zevenFocus = at ? at.id : null;
        return "?" + asked.toString();
      },
      /* What the document around the page says. */
      around: function (state) {
        if (!state) { return window.dash_clientside.no_update; }
        document.documentElement.lang = state.language;
        document.title = state.title;
        /* The page was made anew: who chose by keyboard goes on where they were. */
        var at = window.zevenFocus && document.getElementById(window.zevenFocus);
        window.zevenFocus = null;
        if (at) { (at.querySelector("input:checked") || at).focus({ preventScroll: true }); }
        return state.release;
      }
    }
  });
})();
