"""HTTP: routes and their handlers, who may ask, and what is answered when something goes wrong.

Here: Spline's Producer API (`receiver`), the questions (`api`), statements by people (`statements`), who a request is
from (`authenticator`, `tokens`) and what it may do (`auth`, with the checks of Host and Origin), how a route is added
with the scope that it needs (`routes`), what each error is to each layer (`error_table`), metrics. Not here: what a
payload means (`intake`) or what a question computes (`queries`). Read `receiver` first.
"""
