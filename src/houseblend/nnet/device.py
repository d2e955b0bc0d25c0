"""What goes from the host to where networks are computed."""

import torch


def sent(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor of any shape of the host on a device; the host goes on before the copy has arrived. On the host it is the same tensor."""
    return tensor if device.type == "cpu" else tensor.pin_memory().to(device, non_blocking=True)
