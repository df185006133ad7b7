"""Questions about heap dumps and their answers: a lazy view of one dump, and one function a question.

Stands on the dump reader and the graph; `leakhunt dump` shows the answers, and a hunt takes retention paths from the view.
"""
