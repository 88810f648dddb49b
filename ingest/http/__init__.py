"""HTTP: routes and their handlers, who may ask, and what is answered when something goes wrong.

Here: Spline's Producer API (`receiver`), the questions (`api`), statements by people (`statements`), tokens and the
checks of Host and Origin (`auth`), metrics. Not here: what a payload means (`intake`) or what a question computes
(`queries`). Read `receiver` first.
"""
