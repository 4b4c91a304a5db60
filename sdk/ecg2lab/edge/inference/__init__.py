"""The Open Inference Protocol, version 2: programs that bring prepared windows get logits and features of the network.

`tensors` checks what a request says and `json_tensors` is its form in HTTP, `messages` its form in gRPC; `service`
answers, `rest` and `grpc` are where it is asked, `description` says what the model is.
"""
