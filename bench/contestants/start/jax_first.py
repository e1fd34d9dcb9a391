"""The same in JAX with optax."""
import jax
import jax.numpy as jnp
import optax

keys = jax.random.split(jax.random.key(0))
params = {
    "w1": 0.05 * jax.random.normal(keys[0], (784, 256)),
    "b1": jnp.zeros(256),
    "w2": 0.05 * jax.random.normal(keys[1], (256, 10)),
    "b2": jnp.zeros(10),
}
tx = optax.adamw(1e-3)
x, y = jnp.ones((32, 784)), jnp.zeros(32, int)


def loss(p):
    scores = jax.nn.relu(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]
    return optax.softmax_cross_entropy_with_integer_labels(scores, y).mean()


@jax.jit
def step(params, state):
    value, grads = jax.value_and_grad(loss)(params)
    updates, state = tx.update(grads, state, params)
    return optax.apply_updates(params, updates), state, value


float(step(params, tx.init(params))[2])
