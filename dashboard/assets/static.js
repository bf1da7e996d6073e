/* Draws what a page holds and nobody changes: plain elements, in one go (dashboard/ui/packed.py).
   A node is a text, or [tag, attributes, children]; the tag "link" leads to another view without a new load. */
(function () {
  "use strict";

  /* As dcc.Link does it: the address changes, and dcc.Location is told. */
  function follow(event) {
    if (event.metaKey || event.shiftKey || event.altKey || event.ctrlKey) { return; }
    event.preventDefault();
    window.history.pushState({}, "", event.currentTarget.getAttribute("href"));
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
    window.scrollTo(0, 0);
  }

  function draw(node) {
    if (!Array.isArray(node)) { return node; }
    var made = node[0] === "link"
      ? ["a", Object.assign({}, node[1], { onClick: follow })]
      : [node[0], node[1]];
    return window.React.createElement.apply(null, made.concat((node[2] || []).map(draw)));
  }

  window.zeven = Object.assign(window.zeven || {}, {
    Static: function (props) {
      return window.React.createElement.apply(null, [window.React.Fragment, null].concat(props.nodes.map(draw)));
    }
  });
})();
