"""A bundle as models of a Triton model repository, to be served without editing a file.

`repository.write` is the whole of it: `settings` says how a model is served, `config` is its config.pbtxt and `pbtxt`
writes that format, `folder` puts the files of one model together, `client` is the program that is written beside them.
"""
