document.documentElement.classList.add("js");
for (const box of document.querySelectorAll("[data-slider]")) {
  const frames = [...box.querySelectorAll("[data-frame]")], range = box.querySelector("input"), output = box.querySelector("output");
  const show = () => {
    frames.forEach((frame, number) => { frame.hidden = number !== Number(range.value); });
    output.value = frames[range.value].dataset.frame;
    range.setAttribute("aria-valuetext", output.value);
  };
  range.addEventListener("input", show);
  show();
}
for (const box of document.querySelectorAll("[data-views]")) {
  let quarters = 0, turned = 0, mirror = 1;
  const show = () => {
    box.style.setProperty("--quarters", turned);
    box.style.setProperty("--mirror", mirror);
    for (const view of box.querySelectorAll("[data-view]")) view.hidden = view.dataset.view !== `${quarters},${mirror}`;
  };
  const acts = {
    turn: () => { quarters = (quarters + 1) % 4; turned += 1; },
    flip: () => { turned = -turned; quarters = (4 - quarters) % 4; mirror = -mirror; },
    reset: () => { quarters = turned = 0; mirror = 1; },
  };
  for (const button of box.querySelectorAll("[data-act]")) button.addEventListener("click", () => { acts[button.dataset.act](); show(); });
  show();
}
addEventListener("beforeprint", () => { for (const fold of document.querySelectorAll("details:not([open])")) { fold.open = true; fold.dataset.folded = ""; } });
addEventListener("afterprint", () => { for (const fold of document.querySelectorAll("[data-folded]")) { fold.open = false; delete fold.dataset.folded; } });
