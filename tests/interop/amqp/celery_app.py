"""The application that celery_test.py runs in a real worker."""
import os

from celery import Celery

app = Celery("interop", broker=os.environ["TANDEM_AMQP_URL"], backend="rpc://")
app.conf.task_acks_late = True
app.conf.worker_prefetch_multiplier = 1

attempts = {}


@app.task
def add(a, b):
    return a + b


@app.task(bind=True, max_retries=3)
def unlucky(self, fails):
    """Fails `fails` times, then says how often it was tried."""
    if self.request.retries < fails:
        raise self.retry(countdown=0.2)
    return self.request.retries
