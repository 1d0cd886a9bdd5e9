"""One way to the motion energy of a camera, once, in a process with nothing else in its memory.

`python -m tests.benchmarks.energy_once WAY VIDEO POSE OUTPUT` prints the CPU time of it in seconds
and the peak memory of the process in bytes. It imports little, for the memory's sake.
"""

import re
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from alfvideo.files import arrays
from alfvideo.pose import roi, table
from alfvideo.video import probe
from alfvideo.video.motion_energy import gray_regions, motion_energy

BLOCK = 10_000
"""The number of frames that iblvideo holds at once."""


def alfvideo(path: Path, pose: Path) -> np.ndarray:
    """Do what the rule does."""
    size = probe.probe(path)
    region = roi.motion_energy_region(table.Columns(pose), pose, size.width, size.height)
    return motion_energy(gray_regions(path, region))


def iblvideo(path: Path, pose: Path) -> np.ndarray:
    """Blocks of frames through OpenCV, and their differences as float32."""
    capture, energy = cv2.VideoCapture(str(path)), []
    size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    region = roi.motion_energy_region(table.load(pose), pose, *size)
    last = np.zeros((0, region.height, region.width), np.uint8)
    while True:
        block = np.zeros((BLOCK, region.height, region.width), np.uint8)
        filled = len(last)
        block[:filled] = last
        while filled < BLOCK and (read := capture.read())[0]:
            block[filled] = cv2.cvtColor(read[1][region.slices], cv2.COLOR_BGR2GRAY)
            filled += 1
        gray = block[:filled].astype(np.float32)
        energy.append(np.mean(np.abs(np.diff(gray, axis=0)), axis=(1, 2)))
        if filled < BLOCK:
            break
        last = block[-1:]
    values = np.concatenate(energy).astype(float)
    return np.append(values, values[-1])


def main() -> None:
    """Run the way named on the command line."""
    way = {"alfvideo": alfvideo, "iblvideo": iblvideo}[sys.argv[1]]
    path, pose, output = map(Path, sys.argv[2:])
    start = time.process_time()
    arrays.save(output, way(path, pose))
    seconds = time.process_time() - start
    # unlike getrusage, this does not start from the peak of the parent process
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    print(seconds, 1024 * int(peak[1]))


if __name__ == "__main__":
    main()
