"""nbgrader's settings: with them its own commands work in this folder. See README.md."""

from pathlib import Path

c = get_config()  # noqa: F821, nbgrader defines it

c.CourseDirectory.course_id = "rate-distortion-autoencoders"
c.CourseDirectory.root = str(Path(__file__).resolve().parent)

c.ClearSolutions.code_stub = {
    "python": 'raise NotImplementedError("replace this line by your answer")'
}
c.ClearSolutions.text_stub = "*Replace this line by your answer.*"
c.Execute.timeout = 120  # seconds for a cell
