def test_a(tiny_run): pass
def test_b(invoke, tiny_recipe, tmp_path):
    import time; t=time.time()
    r=invoke("train", tiny_recipe, "--out", tmp_path/"r", "--set", "training.steps=300", "--set", "evaluation.every=200"); print(r.output, time.time()-t)
    r=invoke("train", tiny_recipe, "--dry-run"); print(r.output)
