"""The processes that torchrun starts, one a GPU: how they join, and who is who."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist


@contextmanager
def joined_processes(device: str) -> Iterator[str]:
    """Join the processes that torchrun started, if it did. Gives the device of this one.

    device: "cpu" or "cuda", of which each process on a machine takes its own.
    """
    if not dist.is_torchelastic_launched():
        yield device
        return
    if device == "cuda":
        if int(os.environ["LOCAL_RANK"]) >= torch.cuda.device_count():
            raise ValueError(f"more processes here than GPUs, {torch.cuda.device_count()}")
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device != "cpu" else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def rank_and_world_size() -> tuple[int, int]:
    """(rank of this process, number of processes): (0, 1) where there is only one."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def same_for_all(value: Any, device: torch.device) -> Any:
    """The first process's value: there is one clock for all."""
    values = [value]
    if dist.is_initialized():
        dist.broadcast_object_list(values, device=device)
    return values[0]
