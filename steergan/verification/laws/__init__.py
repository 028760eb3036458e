"""Laws: how every tensor of a forward changes when the input is acted on, followed operation by operation.

`law` says what a law is, with a worked example; `calculus` computes with laws; `operations`, `reductions` and `rules`
say what torch's operators do to them, `windows` and `kernel_tables` where that is a matter of integers; `tracking`
follows a program in torch's dispatcher, `walk` a network layer by layer, and `trace` keeps what was seen. A layer with
a certificate is asked through the registry, so that nothing here knows the certificates.
"""
