"""Where PyTorch's optimizers are after 20 steps on ½ wᵀAw − bᵀw, in float64 (torch 2.13)."""

from chainrule import optim

A = [[2.0, 0.5, 0.0], [0.5, 1.0, 0.25], [0.0, 0.25, 0.5]]
B = [1.0, -2.0, 0.5]
START = [1.0, 2.0, -3.0]

OPTIMIZERS: dict[str, optim.Optimizer] = {
    "plain": optim.SGD(0.1),
    "momentum": optim.SGD(0.1, momentum=0.9),
    "nesterov": optim.SGD(0.1, momentum=0.9, nesterov=True),
    "decayed": optim.SGD(0.1, momentum=0.5, weight_decay=0.05),
    "adam": optim.Adam(0.1),
    "adam, large eps": optim.Adam(0.1, beta1=0.8, beta2=0.95, eps=0.1),
    "adamw": optim.AdamW(0.1, weight_decay=0.2),
}
WEIGHTS = {
    "plain": [0.7569236302462025, -1.5189930203125979, -0.3028962629476101],
    "momentum": [1.0161661106258288, -4.124813767826495, 4.959248470247665],
    "nesterov": [1.4414494064879804, -3.8927579113572257, 4.157081666007458],
    "decayed": [1.0684554269629283, -2.518120628530807, 1.3031711898336065],
    "adam": [0.07491312564610675, 0.1017603931134672, -1.0491528825943146],
    "adam, large eps": [0.2499338515141942, 0.18135253673539334, -1.1903313205382329],
    "adamw": [0.18699872228352726, -0.21831259042027684, -0.42106519622799315],
}
